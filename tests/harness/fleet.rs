//! The real binaries as processes: started, killed, asked over HTTP. Everything on loopback, each
//! process ended by its own pid.

use std::ffi::OsString;
use std::fs::File;
use std::io::Write;
use std::net::{TcpListener, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

/// Nobody asks longer than this. Far above what an answer takes: it is durable first, and tests beside this one keep
/// the disk busy for seconds.
const ANSWER_LATEST: Duration = Duration::from_secs(60);

/// A running process; killed when dropped.
#[derive(Debug)]
pub struct Process {
    child: Child,
}

impl Process {
    /// kill -9.
    ///
    /// # Errors
    /// Where the system refuses.
    pub fn kill(mut self) -> Result<()> {
        self.child.kill().context("kill a process")?;
        self.child.wait().context("wait for a killed process")?;
        Ok(())
    }
}

impl Process {
    /// Asks it to end, as Ctrl-C does, and waits; how it ended.
    ///
    /// # Errors
    /// Where it does not.
    pub fn stop(mut self) -> Result<ExitStatus> {
        if let Some(ended) = self.ended()? {
            return Ok(ended);
        }
        self.signal("-INT")?;
        until("the process ends", Duration::from_secs(20), || self.child.try_wait().ok().flatten())
    }

    /// One that was started elsewhere.
    #[must_use]
    pub fn of(child: Child) -> Self {
        Self { child }
    }

    /// Its number.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Crashes it, as a failed assertion in a library would; how it ended.
    ///
    /// # Errors
    /// Where it does not end.
    pub fn abort(mut self) -> Result<ExitStatus> {
        self.signal("-ABRT")?;
        until("the process ends", Duration::from_secs(20), || self.child.try_wait().ok().flatten())
    }

    /// Holds it still: it does nothing more, and answers nobody.
    ///
    /// # Errors
    /// Where the system refuses.
    pub fn freeze(&self) -> Result<()> {
        self.signal("-STOP")
    }

    /// Lets it go on.
    ///
    /// # Errors
    /// Where the system refuses.
    pub fn thaw(&self) -> Result<()> {
        self.signal("-CONT")
    }

    fn signal(&self, name: &str) -> Result<()> {
        let told = Command::new("kill").args([name, &self.child.id().to_string()]).status().context("run kill")?;
        if !told.success() {
            bail!("kill {name}: {told}");
        }
        Ok(())
    }

    /// How it ended, where it has.
    ///
    /// # Errors
    /// Where the system refuses.
    pub fn ended(&mut self) -> Result<Option<ExitStatus>> {
        self.child.try_wait().context("look after a process")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// One of the product's commands on one data folder.
#[derive(Debug, Clone)]
pub struct Tool {
    binary: PathBuf,
    data: PathBuf,
    /// Before the subcommand, on every call.
    options: Vec<String>,
    environment: Vec<(&'static str, OsString)>,
    /// What the command begins with.
    launcher: Vec<OsString>,
    /// Where it works; where a core file would fall.
    place: Option<PathBuf>,
}

/// A program of this workspace, as built beside the test that runs.
///
/// # Errors
/// Where it has not been built.
pub fn binary(name: &str) -> Result<PathBuf> {
    let test = std::env::current_exe().context("find the test's own file")?;
    let folder = test.ancestors().find(|folder| folder.join(name).is_file());
    let folder = folder.with_context(|| format!("{name} is not built; run cargo build --workspace --bins"))?;
    Ok(folder.join(name))
}

impl Tool {
    /// `atoll-edge` or `atoll-hub`, as built beside the test that runs.
    ///
    /// # Errors
    /// Where it has not been built.
    pub fn new(name: &str, data: &Path) -> Result<Self> {
        Self::of(&binary(name)?, data)
    }

    /// A program at this place, of whatever version.
    ///
    /// # Errors
    /// Where there is none.
    pub fn of(binary: &Path, data: &Path) -> Result<Self> {
        ensure!(binary.is_file(), "{} is not there", binary.display());
        Ok(Self {
            binary: binary.to_path_buf(),
            data: data.to_path_buf(),
            options: Vec::new(),
            environment: Vec::new(),
            launcher: Vec::new(),
            place: None,
        })
    }

    /// The same command on another data folder.
    #[must_use]
    pub fn on(&self, data: &Path) -> Self {
        Self { data: data.to_path_buf(), ..self.clone() }
    }

    /// In this environment, which may hold a fault ([`crate::recorder`]).
    #[must_use]
    pub fn under(mut self, environment: Vec<(&'static str, OsString)>) -> Self {
        self.environment = environment;
        self
    }

    /// In a control group from its first byte on: the group's `cgroup.procs`, into which it writes its number.
    #[must_use]
    pub fn inside(mut self, procs: &Path) -> Self {
        self.launcher = ["sh", "-c", "echo $$ > \"$0\" && exec \"$@\""].map(OsString::from).into();
        self.launcher.push(procs.into());
        self
    }

    /// By another program, which ends as this one does and under the same number ([`crate::slow`]).
    #[must_use]
    pub fn through(mut self, launcher: &[&str]) -> Self {
        self.launcher = launcher.iter().map(OsString::from).collect();
        self
    }

    /// The program's own file.
    #[must_use]
    pub fn binary(&self) -> &Path {
        &self.binary
    }

    /// Working in this folder.
    #[must_use]
    pub fn at(mut self, place: &Path) -> Self {
        self.place = Some(place.to_path_buf());
        self
    }

    /// With an option before every subcommand.
    #[must_use]
    pub fn with(mut self, options: &[&str]) -> Self {
        self.options.extend(options.iter().map(|option| (*option).to_owned()));
        self
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = match self.launcher.split_first() {
            None => Command::new(&self.binary),
            Some((launcher, rest)) => {
                let mut command = Command::new(launcher);
                command.args(rest).arg(&self.binary);
                command
            }
        };
        command.arg("--data").arg(&self.data).args(&self.options).args(arguments);
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        if let Some(place) = &self.place {
            command.current_dir(place);
        }
        command
    }

    /// Runs a command to its end, whatever it says.
    ///
    /// # Errors
    /// Where it cannot be started.
    pub fn output(&self, arguments: &[&str]) -> Result<Output> {
        self.command(arguments).output().with_context(|| format!("run {} {arguments:?}", self.binary.display()))
    }

    /// Runs a command that must succeed; gives what it printed.
    ///
    /// # Errors
    /// Where it fails, with what it said.
    pub fn run(&self, arguments: &[&str]) -> Result<String> {
        let output = self.output(arguments)?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            bail!("{arguments:?} failed with {}: {said}{}", output.status, String::from_utf8_lossy(&output.stdout));
        }
        Ok(String::from_utf8(output.stdout)?)
    }

    /// Runs a command with `--json` that must succeed.
    ///
    /// # Errors
    /// Where it fails or prints no JSON.
    pub fn json(&self, arguments: &[&str]) -> Result<Value> {
        let said = self.run(&[&["--json"], arguments].concat())?;
        serde_json::from_str(&said).with_context(|| format!("{arguments:?} printed {said:?}"))
    }

    /// Starts a command that goes on; its output goes to a log beside the data folder.
    ///
    /// # Errors
    /// Where it cannot be started.
    pub fn start(&self, arguments: &[&str]) -> Result<Process> {
        let log = self.data.with_extension("log");
        let log = File::options().create(true).append(true).open(&log).context("open a log")?;
        let errors = log.try_clone().context("open a log twice")?;
        let child = self
            .command(arguments)
            .stdin(Stdio::null())
            .stdout(log)
            .stderr(errors)
            .spawn()
            .with_context(|| format!("start {}", self.binary.display()))?;
        Ok(Process { child })
    }
}

/// How much processor time a process has had, of all its threads.
///
/// # Errors
/// Where there is no such process.
pub fn processor_time(pid: u32) -> Result<Duration> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).context("look how a process works")?;
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let hundredths = |at: usize| -> Result<u64> { Ok(fields.get(at).context("a short stat")?.parse()?) };
    // User and system.
    Ok(Duration::from_millis((hundredths(11)? + hundredths(12)?) * 10))
}

/// How many bytes of a process are in memory (RSS: with the pages of files that it has mapped).
///
/// # Errors
/// Where there is no such process.
pub fn resident_bytes(pid: u32) -> Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).context("look how large a process is")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
    let kib: u64 = line.trim().trim_end_matches(" kB").parse().with_context(|| format!("VmRSS:{line}"))?;
    Ok(kib * 1024)
}

/// A UDP port that was free a moment ago.
///
/// # Errors
/// Where there is none.
pub fn free_udp_port() -> Result<u16> {
    Ok(UdpSocket::bind("127.0.0.1:0")?.local_addr()?.port())
}

/// A TCP port that was free a moment ago.
///
/// # Errors
/// Where there is none.
pub fn free_tcp_port() -> Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

/// Asks again until the answer is there.
///
/// # Errors
/// When the time is over.
pub fn until<T>(what: &str, patience: Duration, mut ask: impl FnMut() -> Option<T>) -> Result<T> {
    let end = Instant::now() + patience;
    loop {
        if let Some(found) = ask() {
            return Ok(found);
        }
        if Instant::now() > end {
            bail!("{what}: not within {patience:?}");
        }
        sleep(Duration::from_millis(50));
    }
}

/// Makes somebody with a role at a hub, and gives what a program asks with in that name.
///
/// # Errors
/// Where the hub's command fails.
pub fn staff(hub: &Tool, role: &str) -> Result<String> {
    let name = format!("the.{role}");
    let add = ["operator", "add", &name, "--role", role, "--password-stdin"];
    let mut child = hub.command(&add).stdin(Stdio::piped()).stdout(Stdio::null()).spawn().context("add an account")?;
    let mut typed = child.stdin.take().context("no standard input")?;
    typed.write_all(b"a password of the tests\n").context("give a password")?;
    drop(typed);
    ensure!(child.wait().context("wait for a command")?.success(), "no account was added");
    let token = hub.json(&["operator", "token", &name])?;
    Ok(token["token"].as_str().context("no token")?.to_owned())
}

/// HTTP with JSON to a port on loopback.
#[derive(Debug, Clone)]
pub struct Http {
    agent: ureq::Agent,
    base: String,
    /// What it asks a hub with.
    token: Option<String>,
}

impl Http {
    /// To a port.
    #[must_use]
    pub fn new(port: u16) -> Self {
        let config =
            ureq::Agent::config_builder().timeout_global(Some(ANSWER_LATEST)).http_status_as_error(false).build();
        Self { agent: config.into(), base: format!("http://127.0.0.1:{port}"), token: None }
    }

    /// With what a hub's operator gave it ([`staff`]).
    #[must_use]
    pub fn with_token(self, token: String) -> Self {
        Self { token: Some(token), ..self }
    }

    fn asking(&self, path: &str) -> ureq::RequestBuilder<ureq::typestate::WithoutBody> {
        let asked = self.agent.get(format!("{}{path}", self.base));
        match &self.token {
            Some(token) => asked.header("authorization", format!("Bearer {token}")),
            None => asked,
        }
    }

    /// GET; the status and the JSON.
    ///
    /// # Errors
    /// Where nobody answers, or not with JSON.
    pub fn get(&self, path: &str) -> Result<(u16, Value)> {
        let mut answer = self.asking(path).call()?;
        Ok((answer.status().as_u16(), answer.body_mut().read_json()?))
    }

    /// POST; the status and the JSON.
    ///
    /// # Errors
    /// Where nobody answers, or not with JSON.
    pub fn post(&self, path: &str, body: &Value) -> Result<(u16, Value)> {
        let mut answer = self.agent.post(format!("{}{path}", self.base)).send_json(body)?;
        Ok((answer.status().as_u16(), answer.body_mut().read_json()?))
    }

    /// GET; the status and the text, whatever it is.
    ///
    /// # Errors
    /// Where nobody answers.
    pub fn text(&self, path: &str) -> Result<(u16, String)> {
        let mut answer = self.asking(path).call()?;
        Ok((answer.status().as_u16(), answer.body_mut().read_to_string()?))
    }

    /// GET as a browser with this cookie; the text.
    ///
    /// # Errors
    /// Where nobody answers.
    pub fn page(&self, path: &str, cookie: &str) -> Result<String> {
        let mut answer = self.agent.get(format!("{}{path}", self.base)).header("cookie", cookie).call()?;
        Ok(answer.body_mut().read_to_string()?)
    }

    /// POST of a form, as this server's own page sends it, in the screen of a counter (its cookies, where it has
    /// some); the status, the text and the cookies.
    ///
    /// # Errors
    /// Where nobody answers.
    pub fn form(&self, path: &str, fields: &[(&str, &str)], cookie: &str) -> Result<(u16, String, String)> {
        let asked = self.agent.post(format!("{}{path}", self.base)).header("origin", &self.base);
        let asked = asked.header("cookie", cookie).config().max_redirects(0).build();
        let mut answer = asked.send_form(fields.iter().copied())?;
        let set = answer.headers().get_all("set-cookie").iter().filter_map(|set| set.to_str().ok()?.split(';').next());
        let cookie = set.fold(cookie.to_owned(), |jar, set| with_cookie(&jar, set));
        Ok((answer.status().as_u16(), answer.body_mut().read_to_string()?, cookie))
    }

    /// Whether `/readyz` says yes.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        let answer = self.agent.get(format!("{}/readyz", self.base)).call();
        answer.is_ok_and(|answer| answer.status().is_success())
    }
}

/// A browser's cookies with one more, in place of that of the same name.
fn with_cookie(jar: &str, set: &str) -> String {
    let name = |cookie: &str| cookie.split('=').next().unwrap_or_default().to_owned();
    let others = jar.split("; ").filter(|other| !other.is_empty() && name(other) != name(set));
    others.chain([set]).collect::<Vec<_>>().join("; ")
}
