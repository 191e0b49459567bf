//! What is published of places, held against other people's models of FHIR R4B (PyPI `fhir.resources`).

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

/// Reads a line each, makes the resource that it names, and says which line is none.
const JUDGE: &str = "
import json, sys
from fhir.resources.R4B import get_fhir_model_class
seen = 0
for number, line in enumerate(sys.stdin, 1):
    resource = json.loads(line)
    try:
        get_fhir_model_class(resource['resourceType']).model_validate(resource)
    except Exception as wrong:
        sys.exit(f'line {number}: {wrong}')
    seen += 1
print(seen)
";

/// Where `scripts/test` has put them; none where there was no network.
#[must_use]
pub fn python() -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent()?;
    let python = root.join("target/fhir/bin/python");
    root.join("target/fhir/ready").exists().then_some(python)
}

/// Judges lines; how many there are.
///
/// # Errors
/// Which line is no resource, and why.
pub fn judge(python: &Path, lines: &str) -> Result<u64> {
    let mut child = Command::new(python)
        .args(["-c", JUDGE])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .context("start python")?;
    child.stdin.take().context("no standard input")?.write_all(lines.as_bytes())?;
    let output = child.wait_with_output()?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8(output.stdout)?.trim().parse()?)
}
