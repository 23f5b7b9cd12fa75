//! Keys in PEM, as OpenSSL writes them and Flask-JWT-Extended reads them.

use aws_lc_rs::{
    encoding::AsBigEndian as _,
    signature::{EcdsaKeyPair, Ed25519KeyPair, KeyPair as _},
};
use pkcs1::RsaPrivateKey;
use pkcs8::{
    PrivateKeyInfoRef,
    der::{Decode as _, asn1::UintRef},
    spki::SubjectPublicKeyInfoRef,
};
use rustls_pki_types::{PrivateKeyDer, SubjectPublicKeyInfoDer, pem::PemObject as _};

use crate::{
    algorithm::{Algorithm, Curve, KeyType},
    encoding::to_base64url,
    jwk::{PrivateParameters, PublicParameters, RsaPrivate},
};

/// The private key for `algorithm` that `pem` holds: PKCS #8, or an RSA key's PKCS #1, or an
/// elliptic-curve key's SEC 1.
pub(crate) fn private(algorithm: Algorithm, pem: &str) -> Option<PrivateParameters> {
    let der = PrivateKeyDer::from_pem_slice(pem.as_bytes()).ok()?;
    match algorithm.key_type() {
        KeyType::EllipticCurve(curve) => {
            let pair = EcdsaKeyPair::from_private_key_der(curve.signing, der.secret_der()).ok()?;
            elliptic_curve_parameters(curve, &pair)
        }
        KeyType::OctetKeyPair => {
            ed25519_parameters(&Ed25519KeyPair::from_pkcs8(der.secret_der()).ok()?)
        }
        KeyType::Rsa(_) => {
            if let PrivateKeyDer::Pkcs1(key) = &der {
                rsa_parameters(key.secret_pkcs1_der())
            } else {
                rsa_of_pkcs8(der.secret_der())
            }
        }
        KeyType::Secret(_) => None,
    }
}

/// The public key for `algorithm` that `pem` holds (RFC 5280 §4.1.2.7).
pub(crate) fn public(algorithm: Algorithm, pem: &str) -> Option<PublicParameters> {
    let der = SubjectPublicKeyInfoDer::from_pem_slice(pem.as_bytes()).ok()?;
    let info = SubjectPublicKeyInfoRef::from_der(der.as_ref()).ok()?;
    let key = info.subject_public_key.as_bytes()?;
    match algorithm.key_type() {
        KeyType::EllipticCurve(curve) => point_parameters(curve, key),
        KeyType::OctetKeyPair => Some(octet_parameters(key)),
        KeyType::Rsa(_) => {
            let key = pkcs1::RsaPublicKey::from_der(key).ok()?;
            Some(modulus_parameters(key.modulus, key.public_exponent))
        }
        KeyType::Secret(_) => None,
    }
}

pub(crate) fn elliptic_curve_parameters(
    curve: Curve,
    pair: &EcdsaKeyPair,
) -> Option<PrivateParameters> {
    let public = point_parameters(curve, pair.public_key().as_ref())?;
    let scalar = pair.private_key().as_be_bytes().ok()?;
    Some(PrivateParameters::Scalar(public, scalar.as_ref().to_vec()))
}

pub(crate) fn ed25519_parameters(pair: &Ed25519KeyPair) -> Option<PrivateParameters> {
    let seed = pair.seed().ok()?.as_be_bytes().ok()?;
    let public = octet_parameters(pair.public_key().as_ref());
    Some(PrivateParameters::Scalar(public, seed.as_ref().to_vec()))
}

pub(crate) fn rsa_of_pkcs8(der: &[u8]) -> Option<PrivateParameters> {
    rsa_parameters(PrivateKeyInfoRef::try_from(der).ok()?.private_key.as_bytes())
}

/// `der` is PKCS #1's `RSAPrivateKey` (RFC 8017 §A.1.2).
fn rsa_parameters(der: &[u8]) -> Option<PrivateParameters> {
    let key = RsaPrivateKey::from_der(der).ok()?;
    let number = |number: UintRef<'_>| number.as_bytes().to_vec();
    Some(PrivateParameters::Rsa(
        modulus_parameters(key.modulus, key.public_exponent),
        RsaPrivate {
            d: number(key.private_exponent),
            p: number(key.prime1),
            q: number(key.prime2),
            dp: number(key.exponent1),
            dq: number(key.exponent2),
            qi: number(key.coefficient),
        },
    ))
}

fn modulus_parameters(modulus: UintRef<'_>, exponent: UintRef<'_>) -> PublicParameters {
    let (n, e) = (to_base64url(modulus.as_bytes()), to_base64url(exponent.as_bytes()));
    PublicParameters::Rsa { n, e }
}

/// `point` is uncompressed: `04 ‖ x ‖ y`.
fn point_parameters(curve: Curve, point: &[u8]) -> Option<PublicParameters> {
    let coordinates = point.strip_prefix(&[4])?;
    let (x, y) = coordinates.split_at_checked(coordinates.len() / 2)?;
    let crv = curve.name.to_owned();
    Some(PublicParameters::EllipticCurve { crv, x: to_base64url(x), y: to_base64url(y) })
}

fn octet_parameters(key: &[u8]) -> PublicParameters {
    PublicParameters::OctetKeyPair { crv: "Ed25519".to_owned(), x: to_base64url(key) }
}
