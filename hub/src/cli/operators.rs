//! `operator`: who may sign in at the console, and what programs ask with. A password is never an argument: everybody on
//! the machine could read it.

use std::fmt::Write;
use std::io::{self, IsTerminal, Read, Write as _};

use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use serde_json::{Value, json};
use shared::rules::calendar::roc_minute;
use shared::seal::password::{PASSWORD_BYTES_MAX, Password};
use zeroize::Zeroizing;

use super::Desk;
use crate::audit::deeds;
use crate::clock::system_second;
use crate::operators::{Account, BEARER_DAYS_MAX, Credentials, OperatorName, Role};
use crate::view;

const DAY_S: i64 = 86_400;

#[derive(Debug, Subcommand)]
pub(super) enum OperatorCommand {
    /// Make an account; prints the secret for its telephone once.
    Add {
        /// Its name.
        name: OperatorName,
        /// reader, operator or supervisor.
        #[arg(long)]
        role: Role,
        #[command(flatten)]
        password: PasswordArgs,
    },
    /// List the accounts.
    List,
    /// Give an account another role; it is signed out.
    Role {
        /// Whose.
        name: OperatorName,
        /// reader, operator or supervisor.
        role: Role,
    },
    /// Nobody signs in with it any more.
    Disable {
        /// Whose.
        name: OperatorName,
    },
    /// A new password and a new secret, also for an account that is disabled.
    Reset {
        /// Whose.
        name: OperatorName,
        #[command(flatten)]
        password: PasswordArgs,
    },
    /// Print a token with which a program asks the API as this account.
    Token {
        /// Whose.
        name: OperatorName,
        /// A smaller role than the account's.
        #[arg(long)]
        role: Option<Role>,
        /// How long it is good, in days.
        #[arg(long, default_value_t = 90, value_parser = clap::value_parser!(u32).range(1..=i64::from(BEARER_DAYS_MAX)))]
        days: u32,
    },
}

#[derive(Debug, Args)]
pub(super) struct PasswordArgs {
    /// Take the password from standard input.
    #[arg(long)]
    password_stdin: bool,
}

/// `operator …`.
pub(super) fn run(desk: &Desk, command: &OperatorCommand) -> anyhow::Result<()> {
    match command {
        OperatorCommand::Add { name, role, password } => add(desk, name, *role, password),
        OperatorCommand::List => list(desk),
        OperatorCommand::Role { name, role } => {
            let (_, mut hub) = desk.open()?;
            desk.recorded(&mut hub, (deeds::ACCOUNT_ROLE, name.as_str(), role.name()), |hub| {
                hub.set_role(name.as_str(), *role)
            })??;
            let text = format!("{name}: {} {}\n", role.zh(), role.name());
            desk.out.say(&json!({ "name": name.as_str(), "role": role.name() }), &text)
        }
        OperatorCommand::Disable { name } => {
            let (_, mut hub) = desk.open()?;
            desk.recorded(&mut hub, (deeds::ACCOUNT_DISABLED, name.as_str(), ""), |hub| {
                hub.disable_operator(name.as_str())
            })??;
            let text = format!("{name}: 已停用 disabled\n");
            desk.out.say(&json!({ "name": name.as_str(), "disabled": true }), &text)
        }
        OperatorCommand::Reset { name, password } => {
            let password = password.read()?;
            let (_, mut hub) = desk.open()?;
            let deed = (deeds::ACCOUNT_RESET, name.as_str(), "");
            let made = desk.recorded(&mut hub, deed, |hub| hub.reset_operator(name.as_str(), &password))??;
            say_once(desk, name, None, &made)
        }
        OperatorCommand::Token { name, role, days } => token(desk, name, *role, *days),
    }
}

fn add(desk: &Desk, name: &OperatorName, role: Role, password: &PasswordArgs) -> anyhow::Result<()> {
    let password = password.read()?;
    let (_, mut hub) = desk.open()?;
    let deed = (deeds::ACCOUNT_ADDED, name.as_str(), role.name());
    let made = desk.recorded(&mut hub, deed, |hub| hub.add_operator(name, role, &password))??;
    say_once(desk, name, Some(role), &made)
}

fn say_once(desk: &Desk, name: &OperatorName, role: Option<Role>, made: &Credentials) -> anyhow::Result<()> {
    let mut value = json!({ "name": name.as_str(), "secret": made.secret, "uri": made.uri });
    if let Some(role) = role {
        value["role"] = json!(role.name());
    }
    let text = format!(
        "帳號 account: {name}\n\
         驗證器密鑰，僅顯示這一次 the secret for the telephone, shown this once:\n  {}\n  {}\n",
        made.secret, made.uri
    );
    desk.out.say(&value, &text)
}

fn list(desk: &Desk) -> anyhow::Result<()> {
    let (_, hub) = desk.open()?;
    let now = system_second();
    let mut text = String::new();
    let mut listed: Vec<Value> = Vec::new();
    for account in hub.operators()? {
        let tokens = hub.bearers(&account.name, now)?;
        let Account { name, role, disabled, .. } = &account;
        let ends = if *disabled { "  已停用 disabled" } else { "" };
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{name}  {} {}  權杖 tokens {tokens}{ends}", role.zh(), role.name());
        listed.push(view::account(&account, tokens, now));
    }
    if listed.is_empty() {
        text.push_str("尚無帳號 no accounts: atoll-hub operator add NAME --role supervisor\n");
    }
    desk.out.say(&json!({ "operators": listed }), &text)
}

fn token(desk: &Desk, name: &OperatorName, role: Option<Role>, days: u32) -> anyhow::Result<()> {
    let (_, mut hub) = desk.open()?;
    let now = system_second();
    let expires = now + i64::from(days) * DAY_S;
    let note = format!("{} {days}d", role.map_or("", Role::name));
    let deed = (deeds::TOKEN_ISSUED, name.as_str(), note.trim());
    let given = desk.recorded(&mut hub, deed, |hub| hub.issue_bearer(name.as_str(), role, expires, now))??;
    let (token, role) = given;
    let text = format!(
        "權杖，僅顯示這一次 token, shown this once ({} {}, {} 前有效 until then):\n{token}\n\
         Authorization: Bearer {token}\n",
        role.zh(),
        role.name(),
        roc_minute(expires)
    );
    let value = json!({ "name": name.as_str(), "role": role.name(), "token": token, "expires": expires });
    desk.out.say(&value, &text)
}

impl PasswordArgs {
    /// From standard input where that was said, else typed twice at the terminal, unseen.
    fn read(&self) -> anyhow::Result<Password> {
        if self.password_stdin {
            let mut line = Zeroizing::new(String::new());
            let most = u64::try_from(PASSWORD_BYTES_MAX + 3)?;
            io::stdin().lock().take(most).read_to_string(&mut line).context("read the password")?;
            return Ok(Password::typed(&line));
        }
        if !io::stdin().is_terminal() {
            bail!(
                "請以 --password-stdin 由標準輸入提供密碼 give the password on standard input, with --password-stdin"
            );
        }
        let once = ask("密碼 password: ")?;
        if *once != *ask("再次輸入 again: ")? {
            bail!("兩次輸入的密碼不同，未作任何變更 the two are not the same; nothing was changed");
        }
        Ok(Password::typed(&once))
    }
}

/// The terminal as it was, whatever happens.
struct Echo(Termios);

impl Drop for Echo {
    fn drop(&mut self) {
        // A terminal that is gone shows nothing.
        let _ = tcsetattr(io::stdin(), OptionalActions::Flush, &self.0);
    }
}

/// A line that is typed unseen.
fn ask(prompt: &str) -> anyhow::Result<Zeroizing<String>> {
    let before = tcgetattr(io::stdin()).context("look at the terminal")?;
    let mut unseen = before.clone();
    unseen.local_modes.remove(LocalModes::ECHO);
    let mut err = io::stderr().lock();
    write!(err, "{prompt}").and_then(|()| err.flush()).context("ask for the password")?;
    let echo = Echo(before);
    tcsetattr(io::stdin(), OptionalActions::Flush, &unseen).context("hide what is typed")?;
    let mut line = Zeroizing::new(String::new());
    let read = io::stdin().read_line(&mut line).context("read the password");
    drop(echo);
    // The line end was not shown either.
    let _ = writeln!(err);
    read.map(|_| line)
}
