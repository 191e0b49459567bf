//! Cards that are played: what a virtual reader hears from one, by how it behaves.
//!
//! A virtual reader talks over TCP, each message with its length before it in two bytes; one byte is an order (off, on,
//! reset, say your answer to reset), more are a command. A card is in the reader while the connection stands.

use std::collections::HashMap;
use std::io::{BufRead, Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpStream};
use std::thread;
use std::time::Duration;

use anyhow::Result;
use data_encoding::HEXLOWER;
use edge::cards::apdu::{READ, SELECT};
use serde::{Deserialize, Serialize};

use super::FIRST_PORT;

/// How many readers there are.
pub const SLOTS: usize = 2;
/// The order to say the answer to reset.
const ATR_WANTED: &[u8] = &[4];
/// Made up, for no public list has that of a NHI card.
const ATR: [u8; 12] = [0x3B, 0x68, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
/// No answer to reset is so long: the reader takes the chip for silent.
const NO_ATR: [u8; 40] = [0; 40];
const DONE: [u8; 2] = [0x90, 0x00];
/// A contact that shakes is back after this.
const BACK_AFTER: Duration = Duration::from_millis(100);

/// One line to the player: a card goes into a reader, or out of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// Which reader.
    pub slot: usize,
    /// Which card; none pulls what is there.
    pub play: Option<Play>,
}

/// A card by how it behaves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Play {
    /// A NHI card with this record, in hexadecimal.
    Nhi(String),
    /// The same, which answers as T=0 cards do: more to fetch, another length wanted.
    Nhi0(String),
    /// The same, each answer after so many milliseconds.
    Slow(String, u64),
    /// Any other card.
    Other,
    /// A chip that gives no answer to reset.
    Mute,
    /// One that never answers a command.
    Hang,
    /// Pulled when it is selected.
    PulledInSelect,
    /// Pulled when its record is read.
    PulledInRead,
    /// The contact is lost so often when it is selected, and comes back.
    Shaky(String, u32),
}

impl Play {
    /// A NHI card of a record.
    #[must_use]
    pub fn nhi(record: &[u8]) -> Self {
        Self::Nhi(HEXLOWER.encode(record))
    }
}

/// What a card does next.
enum Move {
    Say(Vec<u8>),
    Nothing,
    Leave,
    LeaveAndComeBack,
}

/// Plays cards as standard input says, until it ends.
///
/// # Errors
/// Where an order is none.
pub fn play_all() -> Result<()> {
    let mut there: HashMap<usize, TcpStream> = HashMap::new();
    for order in std::io::stdin().lock().lines() {
        let Order { slot, play } = serde_json::from_str(&order?)?;
        if let Some(before) = there.remove(&slot) {
            let _ = before.shutdown(Shutdown::Both);
        }
        if let Some(play) = play {
            let stream = connect(slot)?;
            there.insert(slot, stream.try_clone()?);
            thread::spawn(move || in_reader(slot, stream, play));
        }
    }
    Ok(())
}

/// The card service may have just begun.
fn connect(slot: usize) -> Result<TcpStream> {
    let port = FIRST_PORT + u16::try_from(slot)?;
    for _ in 0..100 {
        if let Ok(stream) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)) {
            return Ok(stream);
        }
        thread::sleep(Duration::from_millis(50));
    }
    Ok(TcpStream::connect((Ipv4Addr::LOCALHOST, port))?)
}

fn in_reader(slot: usize, mut stream: TcpStream, mut play: Play) {
    while let Ok(asked) = hear(&mut stream) {
        let step = match asked.as_slice() {
            ATR_WANTED => Move::Say(if play == Play::Mute { NO_ATR.to_vec() } else { ATR.to_vec() }),
            [_] => Move::Nothing,
            command => play.answer(command),
        };
        match step {
            Move::Say(answer) => {
                if say(&mut stream, &answer).is_err() {
                    return;
                }
            }
            Move::Nothing => {}
            Move::Leave => drop(stream.shutdown(Shutdown::Both)),
            Move::LeaveAndComeBack => {
                let _ = stream.shutdown(Shutdown::Both);
                thread::sleep(BACK_AFTER);
                let Ok(again) = connect(slot) else { return };
                stream = again;
            }
        }
    }
}

impl Play {
    fn answer(&mut self, command: &[u8]) -> Move {
        let is_select = command == SELECT;
        match self {
            Self::Nhi(record) => nhi(record, command),
            Self::Nhi0(record) => nhi_t0(record, command),
            Self::Slow(record, ms) => {
                thread::sleep(Duration::from_millis(*ms));
                nhi(record, command)
            }
            Self::Other | Self::Mute => Move::Say(vec![0x6A, 0x82]),
            Self::Hang => Move::Nothing,
            Self::PulledInSelect => Move::Leave,
            Self::PulledInRead if is_select => Move::Say(DONE.to_vec()),
            Self::PulledInRead => Move::Leave,
            Self::Shaky(_, left) if is_select && *left > 0 => {
                *left -= 1;
                Move::LeaveAndComeBack
            }
            Self::Shaky(record, _) => nhi(record, command),
        }
    }
}

fn nhi(record: &str, command: &[u8]) -> Move {
    Move::Say(match command {
        command if command == SELECT => DONE.to_vec(),
        command if command == READ => [HEXLOWER.decode(record.as_bytes()).unwrap_or_default(), DONE.to_vec()].concat(),
        _ => vec![0x6D, 0x00],
    })
}

/// Wants the length of the record named, and gives it in two pieces.
fn nhi_t0(record: &str, command: &[u8]) -> Move {
    const FIRST: usize = 40;
    let record = HEXLOWER.decode(record.as_bytes()).unwrap_or_default();
    let (first, rest) = record.split_at(FIRST.min(record.len()));
    let wanted = [READ.as_slice(), &[57]].concat();
    Move::Say(match command {
        command if command == SELECT => vec![0x61, 0x02],
        [0x00, 0xC0, 0x00, 0x00, 0x02] => vec![0x6F, 0x00, 0x90, 0x00],
        command if command == READ => vec![0x6C, 57],
        command if command == wanted => [first, &[0x61, 17]].concat(),
        [0x00, 0xC0, 0x00, 0x00, 17] => [rest, &DONE].concat(),
        _ => vec![0x6D, 0x00],
    })
}

fn hear(stream: &mut TcpStream) -> std::io::Result<Vec<u8>> {
    let mut length = [0; 2];
    stream.read_exact(&mut length)?;
    let mut bytes = vec![0; u16::from_be_bytes(length).into()];
    stream.read_exact(&mut bytes)?;
    Ok(bytes)
}

fn say(stream: &mut TcpStream, bytes: &[u8]) -> std::io::Result<()> {
    let length = u16::try_from(bytes.len()).map_err(std::io::Error::other)?;
    stream.write_all(&[length.to_be_bytes().as_slice(), bytes].concat())
}
