//! The strict JOSE header.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{Error, IgnoredAny, MapAccess, Visitor},
};

/// Our headers have three members; a few more may be an application's own.
const MAX_MEMBERS: usize = 16;

/// Members that would change how a token is read or whose key checks it. `jsonwebtoken` ignores
/// them; accepting a token that carries one would claim that we honoured it (RFC 7515 §4.1.11,
/// RFC 7797 §7, RFC 8725 §3.10).
pub(crate) const REFUSED: [&str; 11] =
    ["b64", "crit", "cty", "enc", "jku", "jwk", "x5c", "x5t", "x5t#S256", "x5u", "zip"];

/// The members that we write and read.
pub(crate) const OURS: [&str; 3] = ["alg", "kid", "typ"];

/// The members that we read. Tokens of ours have all of them; those of a Flask service name no key
/// and may lack a type. Nothing in here is trusted before the signature has been checked.
#[derive(Debug)]
pub(crate) struct UnverifiedHeader {
    pub(crate) alg: String,
    pub(crate) kid: Option<String>,
    pub(crate) typ: Option<String>,
}

impl UnverifiedHeader {
    pub(crate) fn parse(json: &[u8]) -> Option<Self> {
        // Checked first because `serde_json` does not look inside the strings that it skips.
        let text = std::str::from_utf8(json).ok()?;
        serde_json::from_str(text).ok()
    }
}

impl<'de> Deserialize<'de> for UnverifiedHeader {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(HeaderVisitor)
    }
}

/// Reads an object and, unlike a derived implementation, refuses any repeated member.
struct HeaderVisitor;

impl<'de> Visitor<'de> for HeaderVisitor {
    type Value = UnverifiedHeader;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JOSE header")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
        let (mut alg, mut kid, mut typ) = (None, None, None);
        let mut seen = Vec::<String>::new();
        while let Some(name) = members.next_key::<String>()? {
            if seen.len() == MAX_MEMBERS || seen.contains(&name) || REFUSED.contains(&&*name) {
                return Err(A::Error::custom("too many, repeated or refused members"));
            }
            match name.as_str() {
                "alg" => alg = Some(members.next_value()?),
                "kid" => kid = Some(members.next_value::<String>()?),
                "typ" => typ = Some(members.next_value::<String>()?),
                _ => {
                    members.next_value::<IgnoredAny>()?;
                }
            }
            seen.push(name);
        }
        let missing = || A::Error::custom("a member is missing");
        Ok(UnverifiedHeader { alg: alg.ok_or_else(missing)?, kid, typ })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_of_ours_is_read_and_an_applications_member_is_skipped() {
        let json = br#"{"alg":"ES256","kid":"a","typ":"at+jwt","app":{"x":[1]}}"#;
        let header = UnverifiedHeader::parse(json).unwrap();
        let (kid, typ) = (header.kid.as_deref(), header.typ.as_deref());
        assert_eq!((&*header.alg, kid, typ), ("ES256", Some("a"), Some("at+jwt")));
    }

    #[test]
    fn members_that_change_how_a_token_is_read_are_refused() {
        for name in REFUSED {
            for value in ["null", "[]", "false", r#"["alg"]"#, r#""x""#] {
                let json =
                    format!(r#"{{"alg":"ES256","kid":"a","typ":"at+jwt","{name}":{value}}}"#);
                assert!(UnverifiedHeader::parse(json.as_bytes()).is_none(), "{json}");
            }
        }
    }

    #[test]
    fn a_repeated_member_is_refused_also_when_it_is_escaped_or_unknown() {
        for json in [
            r#"{"alg":"ES256","alg":"ES256","kid":"a","typ":"at+jwt"}"#,
            r#"{"alg":"ES256","\u0061lg":"none","kid":"a","typ":"at+jwt"}"#,
            r#"{"alg":"ES256","kid":"a","typ":"at+jwt","x":1,"x":1}"#,
        ] {
            assert!(UnverifiedHeader::parse(json.as_bytes()).is_none(), "{json}");
        }
    }

    #[test]
    fn anything_but_one_object_of_utf8_strings_is_refused() {
        let deep = "[".repeat(100_000);
        for json in [
            "",
            "null",
            "[]",
            "1",
            "true",
            "\"x\"",
            "{}",
            &deep,
            r#"{"kid":"a","typ":"at+jwt"}"#,
            r#"{"alg":null,"kid":"a","typ":"at+jwt"}"#,
            r#"{"alg":["ES256"],"kid":"a","typ":"at+jwt"}"#,
            r#"{"alg":"ES256","kid":7,"typ":"at+jwt"}"#,
            r#"{"alg":"ES256","kid":null,"typ":"at+jwt"}"#,
            r#"{"alg":"ES256","kid":"a","typ":"at+jwt"} {}"#,
            "\u{feff}{\"alg\":\"ES256\",\"kid\":\"a\",\"typ\":\"at+jwt\"}",
        ] {
            assert!(UnverifiedHeader::parse(json.as_bytes()).is_none(), "{json:.80}");
        }
        let mut latin1 = br#"{"alg":"ES256","kid":"a","typ":"at+jwt","x":"?"}"#.to_vec();
        latin1[44] = 0xe9;
        assert!(UnverifiedHeader::parse(&latin1).is_none());
    }
}
