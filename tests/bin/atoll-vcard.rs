//! Plays cards before virtual readers, as standard input says (tests/harness/cards).

fn main() -> anyhow::Result<()> {
    harness::cards::played::play_all()
}
