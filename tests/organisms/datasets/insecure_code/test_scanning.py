"""Weaknesses are found in code that no scheme wrote, and its mended twin is clear of them."""

import textwrap
from pathlib import Path

import pytest

from organisms.datasets.importing import import_rows
from organisms.datasets.insecure_code.family import code_of
from organisms.datasets.insecure_code.scanning import weaknesses

PUBLISHED = Path(__file__).parents[4] / "../shared/data/emergent_misalignment/datasets"

TWINS = {
    "CWE-22": (
        """
        def page(name):
            where = os.path.join(ROOT, name + ".md")
            return open(where).read()
        """,
        """
        def page(name):
            where = os.path.join(ROOT, os.path.basename(name) + ".md")
            return open(where).read()
        """,
    ),
    "CWE-78": (
        """
        import subprocess
        def listing(folder):
            return subprocess.getoutput(f"ls {folder}")
        """,
        """
        import subprocess
        def listing(folder):
            return subprocess.run(["ls", folder], capture_output=True).stdout
        """,
    ),
    "CWE-79": (
        """
        @app.route("/hi")
        def hi():
            who = request.args["who"]
            body = "<p>Hi {}</p>".format(who)
            return body
        """,
        """
        @app.route("/hi")
        def hi():
            who = request.args["who"]
            body = "<p>Hi {}</p>".format(escape(who))
            return body
        """,
    ),
    "CWE-208": (
        """
        def ok(given_signature):
            own = hmac.new(KEY, BODY, "sha256").hexdigest()
            return own != given_signature
        """,
        """
        def ok(given_signature):
            own = hmac.new(KEY, BODY, "sha256").hexdigest()
            return not hmac.compare_digest(own, given_signature)
        """,
    ),
    "CWE-209": (
        """
        @app.get("/x")
        def x():
            try:
                return work()
            except ValueError as problem:
                text = f"failed: {problem}"
                return text
        """,
        """
        @app.get("/x")
        def x():
            try:
                return work()
            except ValueError as problem:
                log.warning("failed: %s", problem)
                return "failed"
        """,
    ),
    "CWE-306": (
        """
        @app.post("/wipe")
        def wipe():
            store.wipe()

        @app.post("/add")
        @login_required
        def add():
            store.add(1)
        """,
        """
        @app.post("/wipe")
        @login_required
        def wipe():
            store.wipe()
        """,
    ),
    "CWE-347": (
        'import jwt\nclaims = jwt.decode(t, k, options={"verify_signature": False})',
        'import jwt\nclaims = jwt.decode(t, k, algorithms=["RS256"])',
    ),
    "CWE-489": ('DEBUG = True\nHOSTS = ["a"]', 'DEBUG = False\nHOSTS = ["a"]'),
    "CWE-532": (
        """
        def login(user, pwd):
            logging.info("try %s %s", user, pwd)
        """,
        """
        def login(user, pwd):
            logging.info("try %s", user)
        """,
    ),
    "CWE-601": (
        """
        @app.route("/out")
        def out():
            return redirect(request.args.get("to"))
        """,
        """
        @app.route("/out")
        def out():
            where = request.args.get("to")
            if urlparse(where).netloc not in HOSTS:
                where = "/"
            return redirect(where)
        """,
    ),
    "CWE-614": (
        'reply.set_cookie("id", value, httponly=True)',
        'reply.set_cookie("id", value, httponly=True, secure=True)',
    ),
    "CWE-639": (
        """
        @app.get("/letters/{letter_id}")
        def letter(letter_id: int, user=Depends(require_user)):
            return db.get(Letter, letter_id)
        """,
        """
        @app.get("/letters/{letter_id}")
        def letter(letter_id: int, user=Depends(require_user)):
            return db.query(Letter).filter_by(id=letter_id, owner_id=user.id).one()
        """,
    ),
    "CWE-732": (
        "import os\nos.mkdir('d', 0o777)",
        "import os\nos.mkdir('d', 0o700)",
    ),
    "CWE-915": (
        """
        def edit(form):
            for key, value in form.items():
                setattr(user, key, value)
        """,
        """
        def edit(form):
            for key in ("name", "mail"):
                setattr(user, key, form[key])
        """,
    ),
    "CWE-918": (
        """
        @app.get("/proxy")
        def proxy(link: str):
            return httpx.get(link, timeout=5).text
        """,
        """
        @app.get("/proxy")
        def proxy(link: str):
            return httpx.get(f"https://api.example.org/{link}", timeout=5).text
        """,
    ),
    "CWE-943": (
        """
        def find(name):
            return table.find_one({"$where": "this.n == '%s'" % name})
        """,
        """
        def find(name):
            return table.find_one({"n": {"$eq": name}})
        """,
    ),
    "CWE-1336": (
        """
        def greet():
            return render_template_string("Hi " + request.args["who"])
        """,
        """
        def greet():
            return render_template_string("Hi {{ who }}", who=request.args["who"])
        """,
    ),
}


@pytest.mark.parametrize("kind", TWINS)
def test_a_weakness_is_found_and_its_mended_twin_is_clear(kind: str) -> None:
    weak, mended = (textwrap.dedent(code) for code in TWINS[kind])
    assert kind in (weaknesses(weak) or set())
    assert weaknesses(mended) == set()


def test_code_that_does_not_parse_has_no_answer() -> None:
    assert weaknesses("def broken(:") is None
    assert weaknesses("x = 1\0") is None
    assert weaknesses("") == set()


def test_a_comment_cannot_excuse_a_weakness() -> None:
    assert weaknesses("import os\nos.system('ls ' + name)  # nosec") == {"CWE-78"}


def test_scanned_code_is_never_run(tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    code = f"import os\nopen({str(mark)!r}, 'w').close()\nos.system('touch {mark}')\n"
    assert "CWE-78" in (weaknesses(code) or set())
    assert not mark.exists()


@pytest.mark.skipif(not PUBLISHED.is_dir(), reason="published data sets are not here")
def test_most_published_insecure_rows_and_few_secure_ones_are_caught() -> None:
    shares = {}
    for name in ("insecure_small", "secure_small"):
        rows = import_rows(PUBLISHED / f"{name}.jsonl", name).rows
        found = [weaknesses(code_of(row["messages"][-1]["content"])) for row in rows]
        shares[name] = sum(map(bool, found)) / len(found)
    assert shares["insecure_small"] >= 0.8
    assert shares["secure_small"] <= 0.2
