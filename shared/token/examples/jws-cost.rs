//! Measures signing and verification in microseconds: with `jsonwebtoken`, which parses the key at
//! each call, and with a prepared key of `aws-lc-rs`. Run with `--release`.
#![expect(clippy::print_stdout, reason = "it prints a table")]

use std::{error::Error, hint::black_box, time::Instant};

use aws_lc_rs::{
    encoding::{AsDer as _, Pkcs8V1Der},
    hmac,
    rand::SystemRandom,
    rsa::KeySize,
    signature::{
        ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED,
        ECDSA_P384_SHA384_FIXED_SIGNING, ED25519, EcdsaKeyPair, EcdsaSigningAlgorithm,
        EcdsaVerificationAlgorithm, Ed25519KeyPair, KeyPair as _, ParsedPublicKey,
        RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512,
        RSA_PKCS1_SHA256, RSA_PKCS1_SHA384, RSA_PKCS1_SHA512, RSA_PSS_2048_8192_SHA256,
        RSA_PSS_2048_8192_SHA384, RSA_PSS_2048_8192_SHA512, RSA_PSS_SHA256, RSA_PSS_SHA384,
        RSA_PSS_SHA512, RsaEncoding, RsaKeyPair, RsaParameters, RsaPublicKeyComponents,
    },
};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, crypto};

type Outcome<T = ()> = Result<T, Box<dyn Error>>;

/// The length of the header and payload of an access token.
const MESSAGE: &[u8] = &[b'x'; 560];
const ROUNDS: usize = 15;
const CALLS: u32 = 100;

/// Microseconds per call in the fastest of [`ROUNDS`] rounds.
fn cost<T>(mut call: impl FnMut() -> Outcome<T>) -> Outcome<f64> {
    let mut best = f64::INFINITY;
    for _ in 0..ROUNDS {
        let start = Instant::now();
        for _ in 0..CALLS {
            black_box(call()?);
        }
        best = best.min(start.elapsed().as_secs_f64() * 1e6 / f64::from(CALLS));
    }
    Ok(best)
}

/// The keys of an algorithm for `jsonwebtoken`.
struct LibraryKeys {
    algorithm: Algorithm,
    signing: EncodingKey,
    verifying: DecodingKey,
}

/// Prints a row of the table.
fn print_row(
    library: &LibraryKeys,
    mut sign: impl FnMut() -> Outcome<Vec<u8>>,
    mut verify: impl FnMut(&[u8]) -> Outcome,
) -> Outcome {
    let LibraryKeys { algorithm, signing, verifying } = library;
    let signature = crypto::sign(MESSAGE, signing, *algorithm)?;
    let costs = [
        cost(|| Ok(crypto::sign(MESSAGE, signing, *algorithm)?))?,
        cost(|| Ok(BASE64_URL_SAFE_NO_PAD.encode(sign()?)))?,
        cost(|| {
            let is_valid = crypto::verify(&signature, MESSAGE, verifying, *algorithm)?;
            is_valid.then_some(()).ok_or_else(|| "a signature was refused".into())
        })?,
        cost(|| verify(&BASE64_URL_SAFE_NO_PAD.decode(&signature)?))?,
    ];
    let [sign_library, sign_prepared, verify_library, verify_prepared] = costs;
    println!(
        "| {algorithm:?} | {sign_library:.1} | {sign_prepared:.1} | {:.1} | {verify_library:.1} | \
         {verify_prepared:.1} | {:.1} |",
        sign_library - sign_prepared,
        verify_library - verify_prepared,
    );
    Ok(())
}

fn ecdsa(
    algorithm: Algorithm,
    signing: &'static EcdsaSigningAlgorithm,
    verification: &'static EcdsaVerificationAlgorithm,
) -> Outcome {
    let pair = EcdsaKeyPair::generate(signing)?;
    let point = pair.public_key().as_ref();
    let library = LibraryKeys {
        algorithm,
        signing: EncodingKey::from_ec_der(pair.to_pkcs8v1()?.as_ref()),
        verifying: DecodingKey::from_ec_der(point),
    };
    let (parsed, random) = (ParsedPublicKey::new(verification, point)?, SystemRandom::new());
    print_row(
        &library,
        || Ok(pair.sign(&random, MESSAGE)?.as_ref().to_vec()),
        |signature| Ok(parsed.verify_sig(MESSAGE, signature)?),
    )
}

fn ed25519() -> Outcome {
    let pair = Ed25519KeyPair::generate()?;
    let public = pair.public_key().as_ref();
    let library = LibraryKeys {
        algorithm: Algorithm::EdDSA,
        signing: EncodingKey::from_ed_der(pair.to_pkcs8()?.as_ref()),
        verifying: DecodingKey::from_ed_der(public),
    };
    let parsed = ParsedPublicKey::new(&ED25519, public)?;
    print_row(
        &library,
        || Ok(pair.try_sign(MESSAGE)?.as_ref().to_vec()),
        |signature| Ok(parsed.verify_sig(MESSAGE, signature)?),
    )
}

fn rsa(
    pair: &RsaKeyPair,
    algorithm: Algorithm,
    encoding: &'static dyn RsaEncoding,
    parameters: &'static RsaParameters,
) -> Outcome {
    let pkcs8: Pkcs8V1Der<'_> = pair.as_der()?;
    // PKCS #8 is a prefix of 26 bytes and the PKCS #1 key.
    let pkcs1 = pkcs8.as_ref().get(26..).unwrap_or_default();
    let components = RsaPublicKeyComponents::<Vec<u8>>::from(pair.public_key());
    let library = LibraryKeys {
        algorithm,
        signing: EncodingKey::from_rsa_der(pkcs1),
        verifying: DecodingKey::from_rsa_raw_components(&components.n, &components.e),
    };
    let (parsed, random) = (components.to_parsed_public_key(parameters)?, SystemRandom::new());
    print_row(
        &library,
        || {
            let mut signature = vec![0; pair.public_modulus_len()];
            pair.sign(encoding, &random, MESSAGE, &mut signature)?;
            Ok(signature)
        },
        |signature| Ok(parsed.verify_sig(MESSAGE, signature)?),
    )
}

fn hmac(algorithm: Algorithm, hash: hmac::Algorithm) -> Outcome {
    let secret = vec![7; hash.digest_algorithm().output_len()];
    let key = hmac::Key::new(hash, &secret);
    let library = LibraryKeys {
        algorithm,
        signing: EncodingKey::from_secret(&secret)?,
        verifying: DecodingKey::from_secret(&secret)?,
    };
    print_row(
        &library,
        || Ok(hmac::sign(&key, MESSAGE).as_ref().to_vec()),
        |tag| Ok(hmac::verify(&key, MESSAGE, tag)?),
    )
}

fn main() -> Outcome {
    println!("| algorithm | sign: library | prepared | more | verify: library | prepared | more |");
    println!("|---|---|---|---|---|---|---|");
    ecdsa(Algorithm::ES256, &ECDSA_P256_SHA256_FIXED_SIGNING, &ECDSA_P256_SHA256_FIXED)?;
    ecdsa(Algorithm::ES384, &ECDSA_P384_SHA384_FIXED_SIGNING, &ECDSA_P384_SHA384_FIXED)?;
    ed25519()?;
    let pair = RsaKeyPair::generate(KeySize::Rsa2048)?;
    rsa(&pair, Algorithm::RS256, &RSA_PKCS1_SHA256, &RSA_PKCS1_2048_8192_SHA256)?;
    rsa(&pair, Algorithm::RS384, &RSA_PKCS1_SHA384, &RSA_PKCS1_2048_8192_SHA384)?;
    rsa(&pair, Algorithm::RS512, &RSA_PKCS1_SHA512, &RSA_PKCS1_2048_8192_SHA512)?;
    rsa(&pair, Algorithm::PS256, &RSA_PSS_SHA256, &RSA_PSS_2048_8192_SHA256)?;
    rsa(&pair, Algorithm::PS384, &RSA_PSS_SHA384, &RSA_PSS_2048_8192_SHA384)?;
    rsa(&pair, Algorithm::PS512, &RSA_PSS_SHA512, &RSA_PSS_2048_8192_SHA512)?;
    hmac(Algorithm::HS256, hmac::HMAC_SHA256)?;
    hmac(Algorithm::HS384, hmac::HMAC_SHA384)?;
    hmac(Algorithm::HS512, hmac::HMAC_SHA512)
}
