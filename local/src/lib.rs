#![doc = include_str!("../README.md")]

pub mod aws;
pub mod environment;
mod files;
pub mod gateway;
pub mod log;
pub mod options;
pub mod sandbox;
pub mod stack;
pub mod tables;
pub mod template;
