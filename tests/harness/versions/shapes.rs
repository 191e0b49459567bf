//! What a version could read, written down as data (`shapes.txt` of each version), and a decoder that follows it.
//!
//! It stands for that version's own decoder, which is not here any more: a number that it does not know, a place that is
//! missing or of another kind, a list that is too long is not read; places behind those that it knows are skipped.
//!
//! ```text
//! name = SHAPE             # a name for a shape: `message` in a frame, `request`, `reply` of enrolment
//! [ a b ? c ]              # an array with numbered places, some optional; more may follow
//! ( a b )                  # a pair, exactly
//! { 0 a  1 b }             # a choice by number
//! * 16 a                   # a list of at most so many
//! cbor a                   # bytes that hold a value
//! int int32 uint uint32 uint8 bool text bytes bytes16
//! ```

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use minicbor::Decoder;
use minicbor::data::Type;

#[derive(Debug, Clone, PartialEq, Eq)]
enum Shape {
    Word(String),
    Places(Vec<Place>),
    Exactly(Vec<Shape>),
    Choice(BTreeMap<u32, Shape>),
    List(u64, Box<Shape>),
    Held(Box<Shape>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Place {
    optional: bool,
    shape: Shape,
}

/// Everything that a version could read.
#[derive(Debug, Clone)]
pub struct Shapes {
    names: BTreeMap<String, Shape>,
}

impl Shapes {
    /// From a version's file.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub fn open(path: &Path) -> Result<Self> {
        Self::parse(&std::fs::read_to_string(path).with_context(|| format!("read {}", path.display()))?)
    }

    fn parse(text: &str) -> Result<Self> {
        let lines = text.lines().map(|line| line.split('#').next().unwrap_or_default());
        let named = lines.filter_map(|line| line.split_once('='));
        let one = |(name, shape): (&str, &str)| {
            let mut words = shape.split_whitespace().peekable();
            let parsed = shape_of(&mut words).with_context(|| format!("the shape of {name}"))?;
            ensure!(words.next().is_none(), "more than one shape of {name}");
            Ok((name.trim().to_owned(), parsed))
        };
        Ok(Self { names: named.map(one).collect::<Result<_>>()? })
    }

    /// Reads what has a name as that version did; gives how many places it skipped.
    ///
    /// # Errors
    /// Where that version could not read it, and why.
    pub fn of(&self, name: &str, bytes: &[u8]) -> Result<usize> {
        self.whole(&Shape::Word(name.to_owned()), bytes)
    }

    fn whole(&self, shape: &Shape, bytes: &[u8]) -> Result<usize> {
        let mut decoder = Decoder::new(bytes);
        let skipped = self.value(shape, &mut decoder)?;
        ensure!(decoder.position() == bytes.len(), "{} bytes follow", bytes.len() - decoder.position());
        Ok(skipped)
    }

    fn value(&self, shape: &Shape, decoder: &mut Decoder<'_>) -> Result<usize> {
        match shape {
            Shape::Word(word) => match self.names.get(word) {
                Some(shape) => self.value(shape, decoder).with_context(|| word.clone()),
                None => scalar(word, decoder).map(|()| 0),
            },
            Shape::Places(places) => self.places(places, decoder),
            Shape::Exactly(shapes) => {
                let length = length(decoder)?;
                ensure!(length == shapes.len() as u64, "{length} where {} must be", shapes.len());
                shapes.iter().map(|shape| self.value(shape, decoder)).sum()
            }
            Shape::Choice(choices) => {
                ensure!(length(decoder)? == 2, "no choice");
                let number = decoder.u32()?;
                let shape = choices.get(&number).with_context(|| format!("number {number} is not known"))?;
                self.value(shape, decoder).with_context(|| format!("number {number}"))
            }
            Shape::List(most, shape) => {
                let length = length(decoder)?;
                ensure!(length <= *most, "{length} in a list of {most}");
                (0..length).map(|_| self.value(shape, decoder)).sum()
            }
            Shape::Held(shape) => self.whole(shape, decoder.bytes()?),
        }
    }

    fn places(&self, places: &[Place], decoder: &mut Decoder<'_>) -> Result<usize> {
        let length = usize::try_from(length(decoder)?)?;
        let mut skipped = length.saturating_sub(places.len());
        for (at, place) in places.iter().enumerate() {
            if at >= length {
                ensure!(place.optional, "place {at} is missing");
            } else if place.optional && decoder.datatype()? == Type::Null {
                decoder.null()?;
            } else {
                skipped += self.value(&place.shape, decoder).with_context(|| format!("place {at}"))?;
            }
        }
        for _ in places.len()..length {
            decoder.skip()?;
        }
        Ok(skipped)
    }
}

fn length(decoder: &mut Decoder<'_>) -> Result<u64> {
    decoder.array()?.context("an array without a length")
}

fn scalar(word: &str, decoder: &mut Decoder<'_>) -> Result<()> {
    match word {
        "int" => decoder.i64().map(drop)?,
        "int32" => decoder.i32().map(drop)?,
        "uint" => decoder.u64().map(drop)?,
        "uint32" => decoder.u32().map(drop)?,
        "uint8" => decoder.u8().map(drop)?,
        "bool" => decoder.bool().map(drop)?,
        "text" => decoder.str().map(drop)?,
        "bytes" => decoder.bytes().map(drop)?,
        other => {
            let sized = other.strip_prefix("bytes").and_then(|count| count.parse::<usize>().ok());
            let wanted = sized.with_context(|| format!("{other} is no shape"))?;
            let found = decoder.bytes()?.len();
            ensure!(found == wanted, "{found} bytes where {wanted} must be");
        }
    }
    Ok(())
}

type Words<'a> = std::iter::Peekable<std::str::SplitWhitespace<'a>>;

fn shape_of(words: &mut Words<'_>) -> Result<Shape> {
    Ok(match words.next().context("a shape is missing")? {
        "[" => Shape::Places(until("]", words, place_of)?),
        "(" => Shape::Exactly(until(")", words, shape_of)?),
        "{" => {
            let choice = |words: &mut Words<'_>| Ok((words.next().context("no number")?.parse()?, shape_of(words)?));
            Shape::Choice(until("}", words, choice)?.into_iter().collect())
        }
        "*" => Shape::List(words.next().context("how many?")?.parse()?, Box::new(shape_of(words)?)),
        "cbor" => Shape::Held(Box::new(shape_of(words)?)),
        word if word.starts_with(char::is_alphabetic) => Shape::Word(word.to_owned()),
        other => bail!("{other} is no shape"),
    })
}

fn place_of(words: &mut Words<'_>) -> Result<Place> {
    let optional = words.next_if(|word| *word == "?").is_some();
    Ok(Place { optional, shape: shape_of(words)? })
}

fn until<T>(end: &str, words: &mut Words<'_>, one: impl Fn(&mut Words<'_>) -> Result<T>) -> Result<Vec<T>> {
    let mut out = Vec::new();
    while words.next_if(|word| *word == end).is_none() {
        out.push(one(words)?);
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use minicbor::to_vec;

    use super::*;

    #[test]
    fn what_the_version_knew_is_read_and_nothing_else() {
        let text = "message = { 0 [ [ uint text ? bytes2 ] ] 1 [ * 2 ( uint bool ) ] }";
        let shapes = Shapes::parse(text).unwrap();
        let read = |bytes: minicbor::bytes::ByteVec| shapes.of("message", &bytes).map_err(|cause| format!("{cause:#}"));
        let said = |value: Vec<u8>| read(value.into());
        assert_eq!(said(to_vec((0u8, ((7u8, "a"),))).unwrap()), Ok(0));
        assert_eq!(said(to_vec((0u8, ((7u8, "a", None::<u8>),))).unwrap()), Ok(0));
        assert_eq!(said(to_vec((0u8, ((7u8, "a", None::<u8>, 9u8), 1u8))).unwrap()), Ok(2), "skipped");
        assert_eq!(said(to_vec((1u8, ([(7u8, true); 2],))).unwrap()), Ok(0));
        for (bytes, why) in [
            (to_vec((2u8, ((7u8, "a"),))).unwrap(), "number 2 is not known"),
            (to_vec((0u8, ((7u8,),))).unwrap(), "place 1 is missing"),
            (to_vec((0u8, (("a", "a"),))).unwrap(), "place 0"),
            (to_vec((0u8, ((7u8, "a", "b"),))).unwrap(), "place 2"),
            (to_vec((1u8, ([(7u8, true); 3],))).unwrap(), "3 in a list of 2"),
            (to_vec((1u8, ([(7u8, true, 1u8)],))).unwrap(), "3 where 2 must be"),
            ([to_vec((1u8, ([(7u8, true)],))).unwrap(), vec![0]].concat(), "1 bytes follow"),
        ] {
            let said = said(bytes).unwrap_err();
            assert!(said.contains(why), "{why}: {said}");
        }
    }

    #[test]
    fn a_bad_shape_is_named() {
        for bad in ["message = [ uint", "message = uint uint", "message = { x uint }", "message = !"] {
            assert!(Shapes::parse(bad).is_err(), "{bad}");
        }
    }
}
