//! Lists on the wire, each with its limit.

use minicbor::data::Type;
use minicbor::{Decode, Decoder, decode::Error};

/// A list that is refused as soon as it is too long: a list of nothing takes one byte on the line and
/// twenty-four in memory, so a frame's own limit is none for what is held of it.
pub(super) fn at_most<'b, const MOST: usize, C, T: Decode<'b, C>>(
    decoder: &mut Decoder<'b>,
    context: &mut C,
) -> Result<Vec<T>, Error> {
    let mut out = Vec::new();
    for item in decoder.array_iter_with(context)? {
        if out.len() == MOST {
            return Err(Error::message("a list is too long"));
        }
        out.push(item?);
    }
    Ok(out)
}

/// The same where it may be left out.
pub(super) fn some_at_most<'b, const MOST: usize, C, T: Decode<'b, C>>(
    decoder: &mut Decoder<'b>,
    context: &mut C,
) -> Result<Option<Vec<T>>, Error> {
    if decoder.datatype()? == Type::Null {
        return decoder.null().map(|()| None);
    }
    at_most::<MOST, C, T>(decoder, context).map(Some)
}

#[cfg(test)]
mod tests {
    use super::super::message::{FEED_PARTS_MAX, FeedPart, Message, decode, encode};
    use super::super::run::{decode_run, encode_run};
    use crate::ids::{ActorId, ChangeHash, EntryId};
    use crate::ledger::run::{DEPS_MAX, Joint, RUN_ENTRIES_MAX, Run};
    use crate::ledger::schema::Place;

    #[test]
    fn a_list_longer_than_its_limit_is_refused_while_it_is_read() {
        let id = EntryId { actor: ActorId([4; 16]), seq: 1 };
        let run = |entries: usize, deps: usize, joints: usize| Run {
            doc: "nation/2020-02".parse().unwrap(),
            start: Place { id, op: 1, deps: vec![ChangeHash([6; 32]); deps] },
            entries: vec![vec![]; entries],
            joints: vec![Joint { index: 1, op: 1, deps: vec![] }; joints],
            last: ChangeHash([6; 32]),
            signature: None,
        };
        let full = run(RUN_ENTRIES_MAX, DEPS_MAX, RUN_ENTRIES_MAX);
        assert_eq!(decode_run(&encode_run(&full)), Ok(full));
        for long in [run(RUN_ENTRIES_MAX + 1, 0, 0), run(1, DEPS_MAX + 1, 0), run(1, 0, RUN_ENTRIES_MAX + 1)] {
            assert!(decode_run(&encode_run(&long)).is_err());
        }
        let parts = vec![FeedPart { upto: 1, body: Vec::new().into() }; FEED_PARTS_MAX + 1];
        assert!(decode(&encode(&Message::Feed { after: 0, parts })).is_err());
    }
}
