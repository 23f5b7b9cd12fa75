//! Flask-JWT-Extended's behaviour, asked of the whole system over the real binaries.
//!
//! Each case says what is asked and, where our answer differs, what Flask-JWT-Extended 4.7.4 with its
//! defaults answers (measured; it says so where that is up to the application). Every answer must also
//! meet the rules of [`api::Api::ask`]: it is no 5xx, its body is JSON, a 401 has a challenge, and no
//! error tells a secret.
//!
//! The difference that recurs: a bad token is 401 `invalid_token` here and 422 there. How tokens are
//! verified is tested in `latchkey-token`, and over the real binaries in `verdicts`.
#![cfg(test)]

mod accounts;
mod api;
mod browser;
mod cookies;
mod headers;
mod requests;
mod sessions;
mod tokens;
