//! Whole-system tests and benchmarks: the tools that they share.

pub mod process;
pub mod sandbox;
pub mod stack;
