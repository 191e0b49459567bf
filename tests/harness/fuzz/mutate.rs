//! The short run's own mutator: what the long run finds with coverage, this one tries blindly and repeatably.

use crate::scenario::dice::Dice;

/// Longest input of the short run, in bytes.
const BYTES_MAX: usize = 4 * 1024;
/// Numbers at which things break.
const EDGES: [u64; 10] =
    [0, 1, 0x7f, 0x80, 0xff, 0xffff, 0x7fff_ffff, 0xffff_ffff, 0x7fff_ffff_ffff_ffff, 0xffff_ffff_ffff_ffff];

/// Input number `round` of a seed, made from what is known.
#[must_use]
pub fn mutated(known: &[Vec<u8>], seed: u64, round: u64) -> Vec<u8> {
    let mut dice = Dice::new(seed, round.wrapping_add(0xf022));
    let mut input = if known.is_empty() { Vec::new() } else { dice.pick(known).clone() };
    for _ in 0..=dice.below(6) {
        change(&mut input, known, &mut dice);
    }
    input.truncate(BYTES_MAX);
    input
}

fn change(input: &mut Vec<u8>, known: &[Vec<u8>], dice: &mut Dice) {
    let at = dice.index(input.len() + 1);
    let until = (at + 1 + dice.index(8)).min(input.len());
    match dice.below(10) {
        0 => flip(input, at, dice),
        1 => put(input, at, &[random(dice)]),
        2 => drop(input.splice(at..at, (0..=dice.below(8)).map(|_| 0).collect::<Vec<u8>>())),
        3 => drop(input.drain(at..until.max(at))),
        4 => {
            let piece = input.get(at..until).unwrap_or_default().repeat(1 + dice.index(4));
            input.splice(at..at, piece);
        }
        5 | 6 => {
            let bytes = dice.pick(&EDGES).to_be_bytes();
            put(input, at, &bytes[dice.index(8)..]);
        }
        7 | 8 if !known.is_empty() => {
            let other = dice.pick(known);
            let from = dice.index(other.len() + 1);
            input.truncate(at);
            input.extend_from_slice(&other[from..]);
        }
        _ => input.extend((0..dice.below(16)).map(|_| random(dice)).collect::<Vec<u8>>()),
    }
}

fn flip(input: &mut [u8], at: usize, dice: &mut Dice) {
    if let Some(byte) = input.get_mut(at) {
        *byte ^= 1 << dice.below(8);
    }
}

fn put(input: &mut Vec<u8>, at: usize, bytes: &[u8]) {
    let end = (at + bytes.len()).min(input.len());
    input.splice(at..end, bytes.iter().copied());
}

fn random(dice: &mut Dice) -> u8 {
    dice.next().to_be_bytes()[0]
}
