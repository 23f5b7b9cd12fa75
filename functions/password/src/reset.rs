//! `POST /password/reset`.

use lambda_http::{Body, Request, Response};
use latchkey_http::{ApiError, AuditEvent, ErrorKind, JsonBody, audit, empty};
use latchkey_password::NewPassword;
use latchkey_session::{
    Account, AccountEdit, ChangeAccount, CodeHash, EditOutcome, Email, UpdateLimit, User,
    edit_read_account,
};
use latchkey_token::Timestamp;
use secrecy::SecretString;

use crate::Password;

impl<U: ChangeAccount, L: UpdateLimit> Password<U, L> {
    /// Sets the password of an account, by a one-time code. The same write ends all sessions and
    /// codes. Known and unknown names make the same calls, and only a right code costs a hash. A
    /// weak password keeps the code.
    pub(crate) async fn reset(
        &self,
        request: &Request,
        now: Timestamp,
    ) -> Result<Response<Body>, ApiError> {
        let body = JsonBody::parse(request)?;
        let (username, code) = (body.username()?, body.secret("code")?);
        let password = body.secret("new_password")?;
        let read = self.users.find_account(&username);
        let found = self.limits.admit_code(request, read, now).await?;
        let account = found.ok_or(ErrorKind::InvalidCode)?;
        let user = account.user.id.clone();
        let reset = self.set_password(account, &code, &password, now).await;
        reset.map_err(|error| error.for_user(&user))?;
        audit(AuditEvent::PasswordReset, request, &user);
        Ok(empty())
    }

    async fn set_password(
        &self,
        account: Account,
        code: &SecretString,
        password: &SecretString,
        now: Timestamp,
    ) -> Result<(), ApiError> {
        let user = &account.user;
        let code = CodeHash::of(code).filter(|code| user.codes.accept(*code, now));
        let code = code.ok_or(ErrorKind::InvalidCode)?;
        let password = self.accept(user, password)?;
        let hash = self.hasher.hash(&password).map_err(ApiError::internal)?;
        let (id, edit) = (user.id.clone(), AccountEdit::SetPassword(code, hash));
        match edit_read_account(&self.users, account, &edit, now).await? {
            EditOutcome::Made(changed) if changed.id == id => Ok(()),
            EditOutcome::Made(_) | EditOutcome::NotFound | EditOutcome::Refused(..) => {
                Err(ErrorKind::InvalidCode.into())
            }
            EditOutcome::Conflict(_) => Err(ApiError::unavailable("the account keeps changing")),
        }
    }

    /// Checks a new password by the rules.
    pub(crate) fn accept(
        &self,
        user: &User,
        password: &SecretString,
    ) -> Result<NewPassword, ApiError> {
        let email = user.email.as_ref().map_or("", Email::as_str);
        self.passwords
            .accept(password, &[user.username.folded(), email])
            .map_err(|error| ApiError::new_password("new_password", error.codes(), error))
    }
}
