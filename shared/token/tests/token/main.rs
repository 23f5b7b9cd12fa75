//! The tests of the crate, through its public interface.
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
