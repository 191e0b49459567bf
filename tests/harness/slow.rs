//! A line like that of a health station in the mountains: a network namespace that is reached only over a pair of devices
//! which let so many bits through a second (`tc tbf`), both ways. Needs root.

use std::fs;
use std::net::Ipv4Addr;
use std::process::Command;

use anyhow::{Context, Result, ensure};

/// Waits no longer in the device than this; what comes on top is dropped, as a modem does.
const QUEUE: &str = "400ms";
/// So much goes through at once: two packets.
const BURST: &str = "3k";

/// The namespace and the devices; gone when dropped, and its processes must have ended by then.
#[derive(Debug)]
pub struct SlowLine {
    namespace: String,
    near: String,
    far: String,
    net: [u8; 3],
}

impl SlowLine {
    /// A line that is not slow yet.
    ///
    /// # Errors
    /// Where there is no right to make one.
    pub fn new() -> Result<Self> {
        let [_, high, middle, low] = std::process::id().to_be_bytes();
        // 10.64.0.0/10 by the process's number: two tests at once do not meet.
        let net = [64 | (high << 2 | middle >> 6) & 63, middle << 2 | low >> 6, low << 2];
        let name = |end: &str| format!("atoll{}{end}", std::process::id());
        let line = Self { namespace: name(""), near: name("n"), far: name("f"), net };
        let Self { namespace, near, far, .. } = &line;
        ip(&["netns", "add", namespace])?;
        ip(&["link", "add", near, "type", "veth", "peer", "name", far, "netns", namespace])?;
        ip(&["address", "add", &format!("{}/30", line.address(1)), "dev", near])?;
        ip(&["link", "set", near, "up"])?;
        ip(&["-n", namespace, "address", "add", &format!("{}/30", line.far()), "dev", far])?;
        ip(&["-n", namespace, "link", "set", far, "up"])?;
        ip(&["-n", namespace, "link", "set", "lo", "up"])?;
        Ok(line)
    }

    /// From now on it is as slow as this, in kilobits a second each way.
    ///
    /// # Errors
    /// Where the kernel cannot.
    pub fn slow(&self, kbit: u32) -> Result<()> {
        let rate = format!("{kbit}kbit");
        let shape =
            |device| ["qdisc", "add", "dev", device, "root", "tbf", "rate", &rate, "burst", BURST, "latency", QUEUE];
        run("tc", &shape(&self.near))?;
        run("ip", &[&["netns", "exec", &self.namespace, "tc"], shape(&self.far).as_slice()].concat())
    }

    /// The address at the far end.
    #[must_use]
    pub fn far(&self) -> Ipv4Addr {
        self.address(2)
    }

    /// What a command begins with that runs at the far end.
    #[must_use]
    pub fn launcher(&self) -> [&str; 4] {
        ["ip", "netns", "exec", &self.namespace]
    }

    /// Bytes that have come from the far end, and gone there, headers included.
    ///
    /// # Errors
    /// Where the device is gone.
    pub fn bytes(&self) -> Result<(u64, u64)> {
        let read = |way| {
            let file = format!("/sys/class/net/{}/statistics/{way}_bytes", self.near);
            let said = fs::read_to_string(&file).context(file)?;
            said.trim().parse::<u64>().context("a device's count")
        };
        Ok((read("rx")?, read("tx")?))
    }

    fn address(&self, host: u8) -> Ipv4Addr {
        let [a, b, c] = self.net;
        Ipv4Addr::new(10, a, b, c + host)
    }
}

impl Drop for SlowLine {
    fn drop(&mut self) {
        let _ = ip(&["link", "delete", &self.near]);
        let _ = ip(&["netns", "delete", &self.namespace]);
    }
}

fn ip(arguments: &[&str]) -> Result<()> {
    run("ip", arguments)
}

fn run(program: &str, arguments: &[&str]) -> Result<()> {
    let done = Command::new(program).args(arguments).output().with_context(|| format!("run {program}"))?;
    let said = String::from_utf8_lossy(&done.stderr);
    ensure!(done.status.success(), "{program} {arguments:?}: {said}");
    Ok(())
}
