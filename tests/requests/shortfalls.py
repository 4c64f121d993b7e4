"""What these tests know to be wrong: shortfalls.toml. It counts in both directions: what fails and
is not listed is an error, and so is what is listed and holds."""
import pathlib
import tomllib

FILE = pathlib.Path(__file__).resolve().parent / "shortfalls.toml"


def listed(test, file=FILE):
    """(kind, check) → reason, of one test."""
    entries = tomllib.loads(file.read_text(encoding="utf-8")).get("shortfall", [])
    return {(entry["kind"], check): entry["reason"] for entry in entries
            if entry["test"] == test for check in entry["checks"]}


def judge(outcomes, known):
    """`outcomes`: (kind, check) → what is wrong, "" when it holds. Returns errors, one a line."""
    errors = []
    for key, wrong in outcomes.items():
        if wrong and key not in known:
            errors.append(f"{key[0]}: {key[1]}: {wrong}")
        if not wrong and key in known:
            errors.append(f"{key[0]}: {key[1]} holds now: delete it from {FILE.name}")
    return errors


def unknown(known, kinds):
    """Entries that name no kind of the table."""
    return [f"{FILE.name} names {kind}, which is no kind" for kind in
            sorted({kind for kind, _ in known} - set(kinds))]
