//! Compatibility with Flask-JWT-Extended, with the real binaries.
//!
//! Each case names the request and the answer of Flask-JWT-Extended 4.7.4 with its defaults (measured),
//! or that the application decides. Every answer must also meet the rules of [`api::Api::ask`]: no 5xx, a
//! JSON body, a challenge with every 401, no secret in an error.
//!
//! The main difference: a bad token is 401 `invalid_token` here and 422 there. `latchkey-token` and
//! `verdicts` test the verification of tokens.
#![cfg(test)]

mod accounts;
mod api;
mod browser;
mod cookies;
mod headers;
mod requests;
mod sessions;
mod tokens;
