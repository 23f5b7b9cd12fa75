//! `axum-guard ISSUER JWKS_FILE`: serves on 127.0.0.1:8080.

use std::{env, error::Error, fs};

use latchkey_token::Timestamp;
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let (Some(issuer), Some(file)) = (arguments.next(), arguments.next()) else {
        return Err("usage: axum-guard ISSUER JWKS_FILE".into());
    };
    let app = axum_guard::app(&issuer, &fs::read_to_string(file)?, Timestamp::now)?;
    axum::serve(TcpListener::bind("127.0.0.1:8080").await?, app).await?;
    Ok(())
}
