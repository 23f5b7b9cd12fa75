//! `POST /password` and `POST /password/reset`.
#![cfg(test)]

mod change;
mod reset;
mod scene;
