#![doc = include_str!("../README.md")]

mod hash;
mod params;
mod password;
mod policy;

pub use hash::{HashError, Hasher, Verdict};
pub use params::{HashParams, ParamsError};
pub use password::{MAX_PASSWORD_CHARS, Password, PasswordError};
pub use policy::{
    FilterBuilder, FilterError, NewPassword, NewPasswordError, PasswordPolicy, Weakness,
};
