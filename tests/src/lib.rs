//! Helpers of the system tests and benchmarks.

pub mod answer;
pub mod console;
pub mod keys;
pub mod openapi;
pub mod policy;
pub mod process;
pub mod program;
pub mod repository;
pub mod sandbox;
pub mod stack;
