//! Tests of the public API.
#![cfg(test)]

mod algorithms;
mod claims;
mod fixtures;
mod forged;
mod headers;
mod inspect;
mod issue;
mod keys;
mod known_answers;
mod legacy;
mod properties;
mod strategies;
mod values;
mod verify;
mod wycheproof;
