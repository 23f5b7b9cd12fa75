//! Cost of a token verification, relative to the bare signature check of aws-lc.

use std::{error::Error, hint::black_box, time::Duration};

use aws_lc_rs::{
    hmac,
    signature::{
        self, ParsedPublicKey, RsaParameters, RsaPublicKeyComponents, VerificationAlgorithm,
    },
};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use latchkey_testkit::fixtures::{NOW, grant, token_profile};
use latchkey_tests::process::own_cpu_nanos;
use latchkey_token::{
    Algorithm, Issuer, KeySet, PresentedToken, PublicParameters, SessionId, SigningKey, UserId,
    Verifier,
};
use secrecy::ExposeSecret as _;
use serde_json::Value;

/// More tokens than a verifier caches, so that each signature is checked.
const TOKENS: usize = 200;
const ROUNDS: usize = 5;
/// Many, because the kernel counts CPU time in milliseconds.
const REPETITIONS: usize = 20;

/// Medians for one algorithm.
#[derive(Debug)]
pub(crate) struct Verification {
    pub(crate) algorithm: &'static str,
    /// CPU time of the signature check alone.
    pub(crate) bare_us: f64,
    /// CPU time of the whole verification.
    pub(crate) decision_us: f64,
}

/// Measures every algorithm. Checks and verifications alternate.
pub(crate) fn measure() -> Result<Vec<Verification>, Box<dyn Error>> {
    Algorithm::ALL.into_iter().map(measure_one).collect()
}

fn measure_one(algorithm: Algorithm) -> Result<Verification, Box<dyn Error>> {
    let jwk_set = SigningKey::generate_jwk_set(algorithm)?;
    let keys = KeySet::parse(&jwk_set)?;
    let profile = token_profile();
    let verifier = Verifier::new(&keys, &profile);
    let jwk: Value = serde_json::from_str(jwk_set.expose_secret())?;
    let bare =
        BareVerifier::new(algorithm, &keys, jwk["keys"][0]["k"].as_str().unwrap_or_default())?;
    let tokens = tokens(&keys)?;
    let parts: Vec<_> = tokens.iter().map(|token| split(token)).collect::<Result<_, _>>()?;

    let (mut checks, mut decisions) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        checks.push(time_of(|| {
            parts.iter().all(|(message, signature)| bare.verifies(message, signature))
        })?);
        decisions.push(time_of(|| {
            tokens.iter().all(|token| {
                PresentedToken::parse(token).and_then(|token| verifier.access(token, NOW)).is_ok()
            })
        })?);
    }
    Ok(Verification {
        algorithm: algorithm.name(),
        bare_us: median_us(&mut checks),
        decision_us: median_us(&mut decisions),
    })
}

/// CPU time per token; `work` processes all tokens once.
fn time_of(work: impl Fn() -> bool) -> Result<Duration, Box<dyn Error>> {
    let before = own_cpu_nanos()?;
    for _ in 0..REPETITIONS {
        if !black_box(work()) {
            return Err("a good token was refused".into());
        }
    }
    let used = Duration::from_nanos(own_cpu_nanos()? - before);
    Ok(used / u32::try_from(TOKENS * REPETITIONS)?)
}

fn median_us(times: &mut [Duration]) -> f64 {
    times.sort_unstable();
    times.get(times.len() / 2).map_or(0.0, |time| time.as_secs_f64() * 1e6)
}

fn tokens(keys: &KeySet) -> Result<Vec<String>, Box<dyn Error>> {
    let (user, session) = (UserId::generate()?, SessionId::generate()?);
    let grant = grant(&user, &session);
    let (key, profile) = (keys.signing().ok_or("no signing key")?, token_profile());
    let issuer = Issuer::new(key, &profile);
    let token = |_| Ok(issuer.access_token(&grant, true, NOW)?.text.expose_secret().to_owned());
    (0..TOKENS).map(token).collect()
}

fn split(token: &str) -> Result<(&str, Vec<u8>), Box<dyn Error>> {
    let (message, signature) = token.rsplit_once('.').ok_or("not a token")?;
    Ok((message, BASE64_URL_SAFE_NO_PAD.decode(signature)?))
}

/// The bare signature check, with a parsed key.
enum BareVerifier {
    Public(ParsedPublicKey),
    Secret(Box<hmac::Key>),
}

impl BareVerifier {
    fn new(algorithm: Algorithm, keys: &KeySet, secret: &str) -> Result<Self, Box<dyn Error>> {
        let hash = match algorithm.name() {
            "HS256" => Some(hmac::HMAC_SHA256),
            "HS384" => Some(hmac::HMAC_SHA384),
            "HS512" => Some(hmac::HMAC_SHA512),
            _ => None,
        };
        if let Some(hash) = hash {
            let secret = BASE64_URL_SAFE_NO_PAD.decode(secret)?;
            return Ok(Self::Secret(Box::new(hmac::Key::new(hash, &secret))));
        }
        let published = keys.public_jwk_set().keys;
        let key = published.first().ok_or("no key")?;
        let decode = |text: &str| BASE64_URL_SAFE_NO_PAD.decode(text);
        let parsed = match &key.parameters {
            PublicParameters::EllipticCurve { crv, x, y } => {
                let curve: &'static dyn VerificationAlgorithm = if crv == "P-256" {
                    &signature::ECDSA_P256_SHA256_FIXED
                } else {
                    &signature::ECDSA_P384_SHA384_FIXED
                };
                ParsedPublicKey::new(curve, [vec![4], decode(x)?, decode(y)?].concat())?
            }
            PublicParameters::OctetKeyPair { x, .. } => {
                ParsedPublicKey::new(&signature::ED25519, decode(x)?)?
            }
            PublicParameters::Rsa { n, e } => {
                RsaPublicKeyComponents { n: decode(n)?, e: decode(e)? }
                    .to_parsed_public_key(rsa(algorithm).ok_or("no RSA")?)?
            }
        };
        Ok(Self::Public(parsed))
    }

    fn verifies(&self, message: &str, signature: &[u8]) -> bool {
        match self {
            Self::Public(key) => key.verify_sig(message.as_bytes(), signature).is_ok(),
            Self::Secret(key) => hmac::verify(key, message.as_bytes(), signature).is_ok(),
        }
    }
}

fn rsa(algorithm: Algorithm) -> Option<&'static RsaParameters> {
    match algorithm.name() {
        "RS256" => Some(&signature::RSA_PKCS1_2048_8192_SHA256),
        "RS384" => Some(&signature::RSA_PKCS1_2048_8192_SHA384),
        "RS512" => Some(&signature::RSA_PKCS1_2048_8192_SHA512),
        "PS256" => Some(&signature::RSA_PSS_2048_8192_SHA256),
        "PS384" => Some(&signature::RSA_PSS_2048_8192_SHA384),
        "PS512" => Some(&signature::RSA_PSS_2048_8192_SHA512),
        _ => None,
    }
}
