#![doc = include_str!("../README.md")]

pub mod environment;
pub mod gateway;
pub mod keys;
pub mod options;
pub mod sandbox;
pub mod tables;
pub mod template;
