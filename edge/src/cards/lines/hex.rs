//! Bytes as hexadecimal in a line, never more than belongs there.

/// Up to [`BYTES_MAX`](bytes::BYTES_MAX): a message or a signature.
pub(crate) mod bytes {
    use data_encoding::HEXLOWER;
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    /// As long as the longest message.
    pub(crate) const BYTES_MAX: usize = super::super::MESSAGE_BYTES_MAX;

    pub(crate) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&HEXLOWER.encode(bytes))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        let bytes = HEXLOWER.decode(String::deserialize(deserializer)?.as_bytes()).map_err(D::Error::custom)?;
        if bytes.len() > BYTES_MAX { Err(D::Error::custom("too many bytes")) } else { Ok(bytes) }
    }
}

/// A hash.
pub(crate) mod hash {
    use data_encoding::HEXLOWER;
    use serde::de::Error;
    use serde::{Deserializer, Serializer};

    pub(crate) fn serialize<S: Serializer>(hash: &[u8; 32], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&HEXLOWER.encode(hash))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<[u8; 32], D::Error> {
        super::bytes::deserialize(deserializer)?.try_into().map_err(|_| D::Error::custom("no hash"))
    }
}

/// The certificates of a card.
pub(crate) mod certificates {
    use data_encoding::HEXLOWER;
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    use super::super::{CARD_CERTIFICATES_MAX, CERTIFICATE_BYTES_MAX};

    pub(crate) fn serialize<S: Serializer>(all: &[Vec<u8>], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(all.iter().map(|bytes| HEXLOWER.encode(bytes)))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Vec<u8>>, D::Error> {
        let texts = Vec::<String>::deserialize(deserializer)?;
        let fits = |text: &String| text.len() <= 2 * CERTIFICATE_BYTES_MAX;
        if texts.len() > CARD_CERTIFICATES_MAX || !texts.iter().all(fits) {
            return Err(D::Error::custom("too many bytes"));
        }
        texts.iter().map(|text| HEXLOWER.decode(text.as_bytes()).map_err(D::Error::custom)).collect()
    }
}
