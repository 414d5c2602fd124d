import pytest

from songbloom_x2.checkpoints.folder import inside
from songbloom_x2.checkpoints.safe_yaml import MAX_BYTES, read_json, read_yaml
from songbloom_x2.errors import CheckpointError


@pytest.fixture
def written(tmp_path):
    def write(text):
        path = tmp_path / "x.yaml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write


def test_plain_values(written):
    assert read_yaml(written("{a: 1e-4, b: 0., c: yes, d: '1e-4', e: 16, f: }")) == {
        **{"a": 1e-4, "b": 0.0, "c": True},
        **{"d": "1e-4", "e": 16, "f": None},
    }


@pytest.mark.parametrize(
    "text",
    [
        "a: !!python/object/apply:os.system ['true']",
        "a: [1, 2",
        b"\xff\xfe\x00",
        "[" * 1500,
        "a: &a [*a]",
        "a0: &a0 [x,x,x,x,x,x,x,x,x]\n"
        + "".join(f"a{i}: &a{i} [{','.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 9)),
        b"#" * (MAX_BYTES + 1),
        "a: 2020-13-45",
    ],
    ids=["tag", "unclosed", "binary", "deep", "own alias", "alias bomb", "size", "date"],
)
def test_refusals_are_one_line(written, text):
    with pytest.raises(CheckpointError, match=r"x\.yaml") as caught:
        read_yaml(written(text))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["{", "[" * 100_000, b"\xff"])
def test_json_refusals(written, text):
    with pytest.raises(CheckpointError, match=r"x\.yaml"):
        read_json(written(text))


def test_absent_file(tmp_path):
    with pytest.raises(CheckpointError, match="cannot be read"):
        read_yaml(tmp_path / "none.yaml")


@pytest.mark.parametrize("name", ["../x", "a/../../x", "/etc/passwd", "", ".", "..", "a/\0b"])
def test_nothing_outside_the_folder(tmp_path, name):
    with pytest.raises(CheckpointError):
        inside(tmp_path / "model", name, "x.yaml")


def test_names_inside(tmp_path):
    assert inside(tmp_path, "a/../b", "x.yaml") == tmp_path / "b"
    assert inside(tmp_path, str(tmp_path / "b"), "x.yaml") == tmp_path / "b"


def test_links_stay_inside_or_in_a_hub_cache(tmp_path):
    snapshot = tmp_path / "models--who--what" / "snapshots" / "abc"
    blobs = tmp_path / "models--who--what" / "blobs"
    snapshot.mkdir(parents=True)
    blobs.mkdir()
    (blobs / "123").write_text("x")
    (tmp_path / "secret").write_text("x")
    (snapshot / "good").symlink_to(blobs / "123")
    (snapshot / "bad").symlink_to(tmp_path / "secret")
    assert inside(snapshot, "good", "x.yaml").read_text() == "x"
    with pytest.raises(CheckpointError, match="outside"):
        inside(snapshot, "bad", "x.yaml")
