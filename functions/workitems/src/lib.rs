//! `/workitems`: a sample back end behind the API Gateway authorizer. Users see their own items
//! only.

use lambda_http::{Body, Request, Response, http::StatusCode};
use latchkey_guard::{Guard, Identity, Requirement};
use latchkey_http::{ApiError, JsonBody, Route, empty, json, rfc3339, route};
use latchkey_session::ReadUser;
use latchkey_store::{AddWorkItem, WorkItem, WorkItemTable};
use latchkey_token::{OperationId, Timestamp};
use serde::Serialize;

#[derive(Clone, Copy)]
enum Action {
    List,
    Add,
    Remove,
}

const ROUTES: [Route<Action>; 3] = [
    ("GET", "/workitems", Action::List),
    ("POST", "/workitems", Action::Add),
    ("DELETE", "/workitems/{}", Action::Remove),
];

const MAX_TITLE_CHARS: usize = 256;
/// The default and the maximum page size.
const MAX_LISTED: u8 = 100;

/// Dependencies of the routes. The trait bounds match the function's IAM policy: `dynamodb:Query`,
/// `PutItem` and `DeleteItem` on the work items, and `GetItem` on the users for requests without an
/// authorizer context.
#[derive(Debug)]
pub struct WorkItems<I, S> {
    /// The store of work items.
    pub items: I,
    /// Authenticates callers.
    pub guard: Guard<S>,
}

impl<I: AddWorkItem + WorkItemTable, S: ReadUser> WorkItems<I, S> {
    /// Lists a page of items (`GET` with `limit` and `cursor`), adds an item (`POST`) or removes
    /// one (`DELETE /workitems/{id}`).
    ///
    /// # Errors
    /// The guard's 401, `invalid_request`, `not_found`, `method_not_allowed`, and faults of the
    /// stores.
    pub async fn handle(
        &self,
        request: &Request,
        now: Timestamp,
    ) -> Result<Response<Body>, ApiError> {
        let caller = self.guard.from_authorizer_context(request, Requirement::TOKEN, now).await?;
        match route(request, &ROUTES)? {
            (Action::List, _) => self.list(&caller, request).await,
            (Action::Add, _) => self.add(&caller, request, now).await,
            (Action::Remove, id) => self.remove(&caller, id).await,
        }
    }

    async fn list(&self, caller: &Identity, request: &Request) -> Result<Response<Body>, ApiError> {
        let Page { limit, cursor } = Page::parse(request.uri().query().unwrap_or_default())?;
        let after = cursor.as_ref().map(OperationId::as_str);
        let page = self.items.list_work_items(caller.user(), after, limit).await;
        let page = page?;
        let workitems = page.items.iter().map(WorkItemAnswer::new).collect();
        json(StatusCode::OK, &ListAnswer { workitems, cursor: page.next.as_deref() })
    }

    async fn add(
        &self,
        caller: &Identity,
        request: &Request,
        now: Timestamp,
    ) -> Result<Response<Body>, ApiError> {
        let body = JsonBody::parse(request)?;
        let title = body.required("title")?;
        if !(1..=MAX_TITLE_CHARS).contains(&title.chars().count()) {
            return Err(ApiError::member("title", "must be 1 to 256 characters long"));
        }
        let id = OperationId::generate()?;
        let item = WorkItem { id: id.into(), title: title.to_owned(), created_at: now };
        self.items.add_work_item(caller.user(), &item).await?;
        json(StatusCode::CREATED, &WorkItemAnswer::new(&item))
    }

    async fn remove(&self, caller: &Identity, id: &str) -> Result<Response<Body>, ApiError> {
        // Other texts are no item ids, and may be invalid as table keys.
        if let Some(id) = OperationId::parse(id) {
            let removed = self.items.remove_work_item(caller.user(), id.as_str()).await;
            removed?;
        }
        Ok(empty())
    }
}

#[derive(Serialize)]
struct ListAnswer<'a> {
    workitems: Vec<WorkItemAnswer<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cursor: Option<&'a str>,
}

/// The requested page.
struct Page {
    limit: u8,
    cursor: Option<OperationId>,
}

impl Page {
    fn parse(query: &str) -> Result<Self, ApiError> {
        let mut page = Self { limit: MAX_LISTED, cursor: None };
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            match (&*name, &*value) {
                ("limit", limit) => {
                    let limit = limit.parse().ok().filter(|limit| (1..=MAX_LISTED).contains(limit));
                    let reason = format!("must be a number from 1 to {MAX_LISTED}");
                    page.limit = limit.ok_or_else(|| ApiError::member("limit", reason))?;
                }
                ("cursor", cursor) => {
                    let reason = "must be the cursor of an answer";
                    let cursor = OperationId::parse(cursor);
                    page.cursor = Some(cursor.ok_or_else(|| ApiError::member("cursor", reason))?);
                }
                _ => {}
            }
        }
        Ok(page)
    }
}

#[derive(Serialize)]
struct WorkItemAnswer<'a> {
    id: &'a str,
    title: &'a str,
    created_at: String,
}

impl<'a> WorkItemAnswer<'a> {
    fn new(item: &'a WorkItem) -> Self {
        Self { id: &item.id, title: &item.title, created_at: rfc3339(item.created_at) }
    }
}
