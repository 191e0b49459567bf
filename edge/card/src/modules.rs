//! The modules of certificate cards, each on a thread of its own with a watchdog beside it: one that hangs is answered
//! for, and neither the readers nor the other modules wait for it.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use edge::cards::lines::{Ask, CARDS_MAX, CardCertificates, Found, MODULE_LIMIT_MS, PAD_LIMIT_MS, Said, Signed};
use edge::cards::login::LoginFailure;

use crate::token::{Module, Order, parse_name};
use crate::{EndOfAll, tell};

/// All modules that were named.
pub(crate) struct Modules {
    workers: Vec<Worker>,
}

impl Modules {
    /// None is loaded before it is asked.
    pub(crate) fn start(paths: Vec<PathBuf>) -> Arc<Self> {
        let module = |(place, path)| Worker::start(Module::new(place, path));
        Arc::new(Self { workers: paths.into_iter().enumerate().map(module).collect() })
    }

    /// Carries an ask out; the answer is said within its limit.
    pub(crate) fn obey(self: &Arc<Self>, ask: Ask, said: &Sender<Said>) {
        let (modules, said) = (Arc::clone(self), said.clone());
        thread::spawn(move || match ask {
            Ask::Certificates { ask } => tell(&said, Said::Certificates { ask, outcome: modules.certificates() }),
            Ask::Sign { ask, token, certificate, pin, message } => {
                let outcome = match parse_name(&token) {
                    Some((place, slot, serial)) => {
                        modules.sign(place, Order { slot, serial, certificate, pin, message })
                    }
                    None => Err(LoginFailure::Removed),
                };
                tell(&said, Said::Signed { ask, outcome: outcome.map_or_else(Signed::Failed, Signed::Signature) });
            }
            Ask::Read { .. } | Ask::Insert { .. } | Ask::Pull { .. } => {}
        });
    }

    /// Of all modules at once.
    fn certificates(&self) -> Found {
        let limit = Duration::from_millis(MODULE_LIMIT_MS);
        let found: Vec<_> = thread::scope(|scope| {
            let ask = |worker| scope.spawn(move || Worker::ask(worker, limit, |module, _| module.cards()));
            let asked: Vec<_> = self.workers.iter().map(ask).collect();
            asked.into_iter().map(|asked| asked.join().unwrap_or(Err(LoginFailure::Refused))).collect()
        });
        together(found)
    }

    fn sign(&self, place: usize, order: Order) -> Result<Vec<u8>, LoginFailure> {
        let limit = Duration::from_millis(if order.pin.is_some() { MODULE_LIMIT_MS } else { PAD_LIMIT_MS });
        let worker = self.workers.get(place).ok_or(LoginFailure::Removed)?;
        worker.ask(limit, move |module, is_awaited| module.sign(&order, is_awaited))
    }
}

/// The cards of all modules; where there are none, what most likely keeps them away.
fn together(found: Vec<Result<Vec<CardCertificates>, LoginFailure>>) -> Found {
    let has = |failure| found.iter().any(|found| found.as_ref() == Err(&failure));
    let failure = if has(LoginFailure::Hung) {
        LoginFailure::Hung
    } else if found.is_empty() || has(LoginFailure::ModuleMissing) {
        LoginFailure::ModuleMissing
    } else if has(LoginFailure::Refused) {
        LoginFailure::Refused
    } else {
        LoginFailure::NoToken
    };
    let cards: Vec<_> = found.into_iter().flatten().flatten().take(CARDS_MAX).collect();
    if cards.is_empty() { Found::Failed(failure) } else { Found::Cards(cards) }
}

type Job = Box<dyn FnOnce(&mut Module) + Send>;

/// The thread of one module, as others see it.
struct Worker {
    jobs: Sender<Job>,
    slate: Arc<Mutex<Slate>>,
}

/// What its askers know of the thread.
#[derive(Default)]
struct Slate {
    next: u64,
    running: Option<u64>,
    /// The running ask is over its limit.
    is_hung: bool,
    /// Asks that nobody waits for any more, not begun yet.
    given_up: BTreeSet<u64>,
}

impl Worker {
    fn start(mut module: Module) -> Self {
        let (jobs, to_do): (Sender<Job>, Receiver<Job>) = channel();
        thread::spawn(move || {
            // A thread that dies in a module would leave its asks without an answer: the edge starts another helper.
            let end = EndOfAll;
            for job in to_do {
                job(&mut module);
            }
            // Nobody is left to ask.
            std::mem::forget(end);
        });
        Self { jobs, slate: Arc::default() }
    }

    /// Lets the module do something and waits for it so long; `deed` may ask whether anybody still does.
    fn ask<T: Send + 'static>(
        &self,
        limit: Duration,
        deed: impl FnOnce(&mut Module, &dyn Fn() -> bool) -> Result<T, LoginFailure> + Send + 'static,
    ) -> Result<T, LoginFailure> {
        let number = {
            let mut slate = lock(&self.slate);
            if slate.is_hung {
                return Err(LoginFailure::Hung);
            }
            slate.next += 1;
            slate.next
        };
        let (give, given) = channel();
        let slate = Arc::clone(&self.slate);
        let job = Box::new(move |module: &mut Module| {
            if !lock(&slate).begin(number) {
                return;
            }
            let done = deed(module, &|| !lock(&slate).is_hung);
            let mut slate = lock(&slate);
            (slate.running, slate.is_hung) = (None, false);
            // Under the lock: whoever gives up sees the one or the other.
            let _ = give.send(done);
        });
        self.jobs.send(job).map_err(|_| LoginFailure::Refused)?;
        match given.recv_timeout(limit) {
            Ok(done) => done,
            Err(RecvTimeoutError::Disconnected) => Err(LoginFailure::Refused),
            Err(RecvTimeoutError::Timeout) => {
                let mut slate = lock(&self.slate);
                given.try_recv().unwrap_or_else(|_| Err(slate.give_up(number)))
            }
        }
    }
}

impl Slate {
    fn begin(&mut self, number: u64) -> bool {
        let is_awaited = !self.given_up.remove(&number);
        if is_awaited {
            self.running = Some(number);
        }
        is_awaited
    }

    /// One that runs hangs; one that has not begun never will.
    fn give_up(&mut self, number: u64) -> LoginFailure {
        if self.running == Some(number) {
            self.is_hung = true;
        } else {
            self.given_up.insert(number);
        }
        LoginFailure::Hung
    }
}

/// The slate is whole at every step, whoever panicked.
fn lock(slate: &Mutex<Slate>) -> MutexGuard<'_, Slate> {
    slate.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOON: Duration = Duration::from_secs(20);
    const NEVER: Duration = Duration::from_millis(50);

    fn worker() -> Worker {
        Worker::start(Module::new(0, "/no/such/module.so".into()))
    }

    #[test]
    fn a_module_that_hangs_is_answered_for_at_once_until_it_comes_back() {
        let worker = worker();
        let (free, freed) = channel::<()>();
        let hangs = worker.ask(NEVER, move |_, is_awaited| {
            let _ = freed.recv();
            // It came back too late for the PIN.
            if is_awaited() { Ok("logged in") } else { Err(LoginFailure::Refused) }
        });
        assert_eq!(hangs, Err(LoginFailure::Hung));
        assert_eq!(worker.ask(SOON, |_, _| Ok(())), Err(LoginFailure::Hung), "at once");
        free.send(()).unwrap();
        while worker.ask(SOON, |_, _| Ok(())) == Err(LoginFailure::Hung) {
            thread::sleep(Duration::from_millis(1));
        }
        assert_eq!(worker.ask(SOON, |_, is_awaited| Ok(is_awaited())), Ok(true));
    }

    #[test]
    fn what_waited_behind_another_and_was_given_up_is_never_done() {
        let worker = Arc::new(worker());
        let (free, freed) = channel::<()>();
        let long = {
            let worker = Arc::clone(&worker);
            thread::spawn(move || worker.ask(SOON, move |_, _| freed.recv().map_err(|_| LoginFailure::Refused)))
        };
        while lock(&worker.slate).running.is_none() {
            thread::sleep(Duration::from_millis(1));
        }
        let (did, done) = channel();
        assert_eq!(worker.ask(NEVER, move |_, _| Ok(did.send(()))).unwrap_err(), LoginFailure::Hung);
        assert!(!lock(&worker.slate).is_hung, "the other one is within its limit");
        free.send(()).unwrap();
        assert_eq!(long.join().unwrap(), Ok(()));
        assert_eq!(worker.ask(SOON, |_, _| Ok(1)), Ok(1));
        assert!(done.try_recv().is_err() && lock(&worker.slate).given_up.is_empty());
    }

    #[test]
    fn of_many_modules_those_that_work_count_and_otherwise_what_is_wrong() {
        use LoginFailure::{Hung, ModuleMissing, NoToken, Refused};
        let modules = Modules::start(vec!["/no/such/module.so".into()]);
        assert_eq!(modules.certificates(), Found::Failed(ModuleMissing));
        for (found, failure) in [
            (vec![], ModuleMissing),
            (vec![Ok(vec![])], NoToken),
            (vec![Ok(vec![]), Err(ModuleMissing)], ModuleMissing),
            (vec![Err(ModuleMissing), Err(Hung)], Hung),
            (vec![Err(Refused), Ok(vec![])], Refused),
        ] {
            assert_eq!(together(found), Found::Failed(failure));
        }
    }
}
