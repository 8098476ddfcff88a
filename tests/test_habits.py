"""What runs without being asked agrees with what is run by hand: workflows, hooks, citation, changelog."""

import importlib
import re
import subprocess
import tomllib

import pytest
import yaml
from common import SOURCE
from imports import PACKAGE, modules
from packaging.specifiers import SpecifierSet

import hpvae_nb

pytestmark = pytest.mark.skipif(not (SOURCE / ".github").is_dir(), reason="needs the source checkout")

WORKFLOWS = {path.stem: path for path in (SOURCE / ".github" / "workflows").glob("*.yml")}


def workflow(name):
    """What starts a workflow, and its one job."""
    read = yaml.safe_load(WORKFLOWS[name].read_text())
    (job,) = read["jobs"].values()
    return read[True], job  # YAML takes the word `on` for true


def commands(job):
    return "\n".join(step.get("run", "") for step in job["steps"])


def recipes():
    """The Makefile's targets, each with its commands."""
    text = (SOURCE / "Makefile").read_text()
    return dict(re.findall(r"^([a-z]+):.*\n((?:\t.*\n|\n)*)", text, re.MULTILINE))


def pins(name):
    """Versions of a package that constraints.txt fixes."""
    return re.findall(rf"^{name}==(\S+)", (SOURCE / "constraints.txt").read_text(), re.MULTILINE)


def test_each_push_is_checked_quickly_and_each_night_wholly():
    starts, job = workflow("quick")
    assert set(starts) == {"push", "pull_request"}
    assert re.findall(r"\bmake (\w+)", commands(job)) == ["quick"]
    starts, job = workflow("whole")
    assert set(starts) == {"schedule", "workflow_dispatch"}
    assert all(re.fullmatch(r"\d+ \d+ \* \* \*", start["cron"]) for start in starts["schedule"])
    assert re.findall(r"\bmake (\w+)", commands(job)) == ["test"]
    assert "chromium" in commands(job)


def test_each_night_every_system_python_and_bound_is_tried():
    starts, job = workflow("machines")
    assert set(starts) == {"schedule", "workflow_dispatch"}
    matrix = job["strategy"]["matrix"]
    assert {system.partition("-")[0] for system in matrix["system"]} == {"ubuntu", "windows", "macos"}
    supported = SpecifierSet(tomllib.loads((SOURCE / "pyproject.toml").read_text())["project"]["requires-python"])
    assert matrix["python"] == [f"3.{minor}" for minor in range(30) if f"3.{minor}.0" in supported]
    assert matrix["versions"] == ["lowest-direct", "highest"]
    assert '--resolution ${{ matrix.versions }} -e ".[test]"' in commands(job)
    assert '-m "not slow" tests' in commands(job)


def test_the_site_is_made_for_every_change_and_published_from_main_alone():
    jobs = yaml.safe_load(WORKFLOWS["site"].read_text())["jobs"]
    assert re.findall(r"\bmake (\w+)", commands(jobs["build"])) == ["site"]
    (upload,) = [step for step in jobs["build"]["steps"] if "upload-pages-artifact" in step.get("uses", "")]
    assert recipes()["site"].split()[-1] == upload["with"]["path"]
    assert jobs["publish"]["needs"] == "build"
    assert "github.ref == 'refs/heads/main'" in jobs["publish"]["if"]
    assert "permissions" not in jobs["build"]


@pytest.mark.parametrize("name", sorted(WORKFLOWS.keys() - {"machines", "site"}))
def test_a_workflow_calls_what_there_is_on_the_oldest_and_the_newest_python(name):
    _, job = workflow(name)
    called = re.findall(r"\bmake (\w+)", commands(job))
    assert called
    assert set(called) <= recipes().keys()
    (setup,) = [step["with"] for step in job["steps"] if step.get("uses", "").startswith("actions/setup-python@")]
    assert setup["python-version"] == "${{ matrix.python }}"
    assert setup["cache"] == "pip"
    assert all((SOURCE / file).exists() for file in setup["cache-dependency-path"].split())
    oldest, newest = job["strategy"]["matrix"]["python"]
    supported = SpecifierSet(tomllib.loads((SOURCE / "pyproject.toml").read_text())["project"]["requires-python"])
    allowed = [f"3.{minor}" for minor in range(30) if f"3.{minor}.0" in supported]
    assert (oldest, newest) == (allowed[0], allowed[-1])


def test_quick_leaves_out_what_is_slow_and_test_leaves_out_nothing():
    assert '-m "not slow" tests' in recipes()["quick"]
    assert "-m pytest" in recipes()["test"]
    assert ' -m "' not in recipes()["test"]
    assert "--nbval " in recipes()["test"]
    assert "tests notebooks" in recipes()["test"]
    quick = (SOURCE / "Makefile").read_text().partition("\nquick:")[2].partition("\n")[0]
    assert " lint " in quick


def test_help_lists_every_command():
    said = subprocess.run(["make", "help"], cwd=SOURCE, capture_output=True, text=True, check=True).stdout
    assert set(re.findall(r"^make (\w+)$", said, re.MULTILINE)) == recipes().keys()


def test_the_hook_formats_as_make_does():
    (hook,) = yaml.safe_load((SOURCE / ".pre-commit-config.yaml").read_text())["repos"]
    assert hook["repo"].endswith("/ruff-pre-commit")
    assert [hook["rev"]] == [f"v{version}" for version in pins("ruff")]
    assert [one["id"] for one in hook["hooks"]] == ["ruff-check", "ruff-format"]


def test_the_citation_is_of_this_version_and_of_the_paper():
    cited = yaml.safe_load((SOURCE / "CITATION.cff").read_text())
    assert cited["cff-version"] == "1.2.0"
    assert str(cited["version"]) == hpvae_nb.__version__
    assert cited["license"] in (SOURCE / "LICENSE").read_text()
    assert [author["name"] for author in cited["authors"]] == ["the hpvae_nb authors"]
    paper, readme = cited["preferred-citation"], (SOURCE / "README.md").read_text().replace("\n", " ")
    assert paper["title"] in readme
    assert f"{paper['collection-title'].split()[0]} {paper['year']}" in readme
    assert paper["identifiers"][0]["value"] in readme
    names = [f"{author['given-names'][0]}. {author['family-names']}" for author in paper["authors"]]
    assert ", ".join(names) in readme


def test_the_changelog_ends_at_this_version():
    page = (SOURCE / "CHANGELOG.md").read_text()
    unreleased, *released = re.findall(r"^## \[(.+)\]", page, re.MULTILINE)
    assert unreleased == "Unreleased"
    assert released[0] == hpvae_nb.__version__


def test_what_the_changelog_sends_to_is_there():
    rows = re.findall(r"^\| `([\w.]+)` \| `([\w.]+)` \|$", (SOURCE / "CHANGELOG.md").read_text(), re.MULTILINE)
    before, now = zip(*rows, strict=True)
    assert len(set(before)) == len(before) > 80
    for name in now:
        module, _, attribute = f"{PACKAGE}.{name}".rpartition(".")
        assert f"{PACKAGE}.{name}" in modules() or hasattr(importlib.import_module(module), attribute), name
