//! The trusted edge: a proxy, such as CloudFront, that sends the client's address.

use std::{fmt, net::IpAddr, sync::Once};

use aws_lc_rs::digest::{SHA256, digest};
use lambda_http::{
    Request,
    http::{HeaderMap, HeaderName},
};
use tracing::warn;

use crate::{ApiError, ErrorKind, RequestContext};

/// The header in which the edge proves itself. CloudFront overwrites the value of a client, and adds
/// no header that begins with `X-Edge-`.
pub const EDGE_SECRET_HEADER: &str = "x-origin-secret";

/// A header of every request that CloudFront forwards.
const CLOUDFRONT_HEADER: &str = "x-amz-cf-id";

/// The edge in front of the API. Its headers count only with its secret, because other clients can
/// call the API directly.
#[derive(Clone, PartialEq, Eq)]
pub struct TrustedEdge {
    /// The header with the client's address, which the edge sets on every request.
    pub address_header: HeaderName,
    /// SHA-256 of each valid secret: two during a rotation.
    pub secret_hashes: Vec<[u8; 32]>,
    /// Refuses requests without a valid secret.
    pub is_required: bool,
}

impl TrustedEdge {
    /// Whether `secret` is a secret of the edge. Comparing hashes reveals nothing about the secret.
    pub fn has_secret(&self, secret: &[u8]) -> bool {
        let hash = digest(&SHA256, secret);
        self.secret_hashes.iter().any(|known| known == hash.as_ref())
    }

    fn sent(&self, headers: &HeaderMap) -> bool {
        let mut secrets = headers.get_all(EDGE_SECRET_HEADER).into_iter();
        secrets.any(|secret| self.has_secret(secret.as_bytes()))
    }

    fn client_address(&self, headers: &HeaderMap) -> Option<IpAddr> {
        let address = headers.get(&self.address_header)?.to_str().ok()?.trim();
        address.parse().ok().map(|address: IpAddr| address.to_canonical())
    }
}

/// Prints no hashes.
impl fmt::Debug for TrustedEdge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TrustedEdge")
            .field("address_header", &self.address_header)
            .field("is_required", &self.is_required)
            .finish_non_exhaustive()
    }
}

/// Puts the client's address from the edge into the request's context.
///
/// # Errors
/// 403 [`EdgeRequired`](ErrorKind::EdgeRequired) if the edge is required and did not send the
/// request.
pub(crate) fn admit(edge: Option<&TrustedEdge>, request: &mut Request) -> Result<(), ApiError> {
    let Some(edge) = edge else {
        warn_about_cloudfront(request.headers());
        return Ok(());
    };
    if !edge.sent(request.headers()) {
        return if edge.is_required { Err(ErrorKind::EdgeRequired.into()) } else { Ok(()) };
    }
    let Some(address) = edge.client_address(request.headers()) else {
        warn!(header = %edge.address_header, "the edge sent no client address");
        return Ok(());
    };
    let context: &mut RequestContext = request.extensions_mut().get_or_insert_default();
    context.source_ip = address.to_string();
    Ok(())
}

/// Warns once per process.
fn warn_about_cloudfront(headers: &HeaderMap) {
    static WARNED: Once = Once::new();
    if headers.contains_key(CLOUDFRONT_HEADER) {
        WARNED.call_once(|| {
            warn!(
                "requests come through CloudFront, but TRUSTED_EDGE is not set: all clients share \
                 CloudFront's addresses and their attempt limits"
            );
        });
    }
}
