//! Whole-system tests and benchmarks: the tools that they share.

pub mod answer;
pub mod keys;
pub mod openapi;
pub mod policy;
pub mod process;
pub mod repository;
pub mod sandbox;
pub mod stack;
