//! The commands that read the public record of a NHI card (ISO 7816-4), over whatever carries them.
//!
//! A card is told by SELECT, never by its answer to reset: no public list of those is complete. Source of the bytes:
//! the readers that `nhi` names.

/// Selects the NHI application.
pub const SELECT: [u8; 21] = [
    0x00, 0xA4, 0x04, 0x00, 0x10, 0xD1, 0x58, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x11, 0x00,
];
/// Reads its public record.
pub const READ: [u8; 7] = [0x00, 0xCA, 0x11, 0x00, 0x02, 0x00, 0x00];
/// Asks for so many bytes that the card has ready.
const GET_RESPONSE: [u8; 4] = [0x00, 0xC0, 0x00, 0x00];
const DONE: u16 = 0x9000;
/// So often a card may answer that it has more, or wants another length.
const ROUNDS_MAX: u32 = 4;

/// Why no record came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unread<E> {
    /// The contact was lost: the carrier says so.
    Lost(E),
    /// An answer without a status: the card was pulled in the middle of it.
    Cut,
    /// It knows no NHI application.
    NotNhi {
        /// What it said.
        status: u16,
    },
    /// It is a NHI card and does not give its record.
    Refused {
        /// What it said.
        status: u16,
    },
}

/// The record as the card gives it; [`super::nhi::read`] says what it means.
///
/// # Errors
/// Where the card is another one, or its contact is lost.
pub fn read_record<E>(mut transmit: impl FnMut(&[u8]) -> Result<Vec<u8>, E>) -> Result<Vec<u8>, Unread<E>> {
    match exchange(&SELECT, &mut transmit)? {
        (_, DONE) => {}
        (_, status) => return Err(Unread::NotNhi { status }),
    }
    match exchange(&READ, &mut transmit)? {
        (record, DONE) => Ok(record),
        (_, status) => Err(Unread::Refused { status }),
    }
}

/// One command with what T=0 makes of it: `61xx` has more to fetch, `6Cxx` wants another length.
fn exchange<E>(
    command: &[u8],
    transmit: &mut impl FnMut(&[u8]) -> Result<Vec<u8>, E>,
) -> Result<(Vec<u8>, u16), Unread<E>> {
    let (mut said, mut status) = answer(transmit(command).map_err(Unread::Lost)?)?;
    for _ in 0..ROUNDS_MAX {
        let [kind, length] = status.to_be_bytes();
        let next = match kind {
            0x61 => [GET_RESPONSE.as_slice(), &[length]].concat(),
            0x6C => [command, &[length]].concat(),
            _ => break,
        };
        let (more, then) = answer(transmit(&next).map_err(Unread::Lost)?)?;
        said.extend(more);
        status = then;
    }
    Ok((said, status))
}

fn answer<E>(mut bytes: Vec<u8>) -> Result<(Vec<u8>, u16), Unread<E>> {
    let (Some(low), Some(high)) = (bytes.pop(), bytes.pop()) else { return Err(Unread::Cut) };
    Ok((bytes, u16::from_be_bytes([high, low])))
}

#[cfg(test)]
mod tests {
    use super::*;

    type Record = Result<Vec<u8>, Unread<&'static str>>;

    /// A card that answers in order; what it was sent, and what came of it.
    fn card(answers: &[&[u8]]) -> (Vec<Vec<u8>>, Record) {
        let mut sent = Vec::new();
        let mut answers = answers.iter();
        let record = read_record(|command| {
            sent.push(command.to_vec());
            answers.next().map(|answer| answer.to_vec()).ok_or("gone")
        });
        (sent, record)
    }

    const OK: &[u8] = &[0x90, 0x00];

    #[test]
    fn a_card_that_answers_at_once_is_read_in_two_commands() {
        let (sent, record) = card(&[OK, &[1, 2, 3, 0x90, 0x00]]);
        assert_eq!((sent, record), (vec![SELECT.to_vec(), READ.to_vec()], Ok(vec![1, 2, 3])));
    }

    #[test]
    fn what_a_card_has_ready_is_fetched_and_another_length_asked_for() {
        let (sent, record) = card(&[&[0x61, 0x0A], &[9, 0x90, 0x00], &[0x6C, 0x39], &[1, 2, 0x90, 0x00]]);
        assert_eq!(record, Ok(vec![1, 2]));
        assert_eq!(sent[1], [0x00, 0xC0, 0x00, 0x00, 0x0A]);
        assert_eq!(sent[3], [READ.as_slice(), &[0x39]].concat());
        let (_, record) = card(&[OK, &[1, 2, 0x61, 0x02], &[3, 4, 0x90, 0x00]]);
        assert_eq!(record, Ok(vec![1, 2, 3, 4]));
    }

    #[test]
    fn a_card_that_has_more_for_ever_is_given_up() {
        let more: &[u8] = &[7, 0x61, 0x01];
        let (sent, record) = card(&[OK, more, more, more, more, more, more, more]);
        assert_eq!((sent.len(), record), (6, Err(Unread::Refused { status: 0x6101 })));
    }

    #[test]
    fn another_card_a_refusal_and_a_lost_contact_are_told_apart() {
        assert_eq!(card(&[&[0x6A, 0x82]]).1, Err(Unread::NotNhi { status: 0x6A82 }));
        assert_eq!(card(&[OK, &[0x69, 0x82]]).1, Err(Unread::Refused { status: 0x6982 }));
        assert_eq!(card(&[OK]).1, Err(Unread::Lost("gone")));
        // A virtual reader gives a card that was pulled as an answer of nothing.
        for cut in [&[][..], &[0x90]] {
            assert_eq!(card(&[cut]).1, Err(Unread::Cut));
            assert_eq!(card(&[OK, cut]).1, Err(Unread::Cut));
        }
    }
}
