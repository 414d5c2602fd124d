#!/usr/bin/env bash
# From a fresh checkout to a first song: ./quickstart.sh song
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")"

VENV=.venv
LOCK=constraints.txt

usage() {
    cat <<'TEXT'
usage: ./quickstart.sh COMMAND

  song     install what is needed into .venv and make output/first-song.flac
  own      write your own song, question by question
  studio   the web page: write, hear, keep and shape songs in the browser
  server   the HTTP API and the page, with the settings of config.yaml
  doctor   examine the installation and the machine
  test     run the checks and tests
  help     show this

Environment:
  PYTHON                 the Python to build .venv with (3.10 or newer; default python3)
  SONGBLOOM_TORCH_INDEX  an extra package index to take PyTorch from, for example PyTorch's own CPU-only builds
                         (on Linux the usual build brings several GB of CUDA libraries)
TEXT
}

fail() {
    echo "quickstart: $*" >&2
    exit 1
}

check_python() {
    local python=$1
    command -v "$python" >/dev/null || fail "$python was not found: install Python 3.10 or newer, or set PYTHON"
    "$python" -c 'import sys; sys.exit(sys.version_info < (3, 10))' ||
        fail "$("$python" --version 2>&1) is too old: Python 3.10 or newer is needed (set PYTHON to one)"
    "$python" -c 'import ensurepip, venv' 2>/dev/null ||
        fail "$python cannot make virtual environments: install its venv package (Debian, Ubuntu: apt install python3-venv)"
}

# install STAMP EXTRAS: does nothing when project file, lock and this file are those of the last time.
install() {
    local stamp=$VENV/$1.installed extras=$2 python=${PYTHON:-python3} wanted
    wanted="$extras $(cat pyproject.toml "$LOCK" quickstart.sh | cksum)"
    if [ -x $VENV/bin/python ] && $VENV/bin/python -c '' 2>/dev/null; then
        [ "$(cat "$stamp" 2>/dev/null)" != "$wanted" ] || return 0
    else
        check_python "$python"
        echo "Making $VENV with $("$python" --version)"
        "$python" -m venv --clear $VENV
    fi
    echo "Installing into $VENV (the first time takes some minutes)"
    local options=(--disable-pip-version-check --constraint "$LOCK")
    # Where nobody watches, pip's lines are noise.
    [ -t 1 ] || options+=(--quiet)
    [ -z "${SONGBLOOM_TORCH_INDEX:-}" ] || options+=(--extra-index-url "$SONGBLOOM_TORCH_INDEX")
    $VENV/bin/python -m pip install "${options[@]}" --editable ".[$extras]" ||
        fail "the installation failed; pip's reason is above"
    case ",$extras," in
    *,train,*)
        # Its dependency pyaudio, which is not used here, has no wheel for Linux and would be compiled.
        $VENV/bin/python -m pip install "${options[@]}" --no-deps tinysoundfont ||
            fail "tinysoundfont could not be installed; pip's reason is above"
        ;;
    esac
    echo "$wanted" >"$stamp"
}

song() {
    local started=$SECONDS
    install song zh
    $VENV/bin/songbloom generate --lyrics @examples/first-song.txt --style soul-cora --title "First song" \
        --out output/first-song.flac
    cat <<TEXT

Your first song: $PWD/output/first-song.flac
It took $((SECONDS - started)) s, installation included.

Try next:
  ./quickstart.sh studio                                   the web page
  ./quickstart.sh own                                      write your own
  $VENV/bin/songbloom generate --lyrics @examples/first-song.txt --seed 7 --out output/another.flac
  $VENV/bin/songbloom generate --help                       everything that can be set
TEXT
}

own() {
    install song zh
    $VENV/bin/songbloom new
}

studio() {
    install studio zh,ui,server
    exec $VENV/bin/songbloom ui
}

server() {
    install studio zh,ui,server
    exec $VENV/bin/songbloom serve
}

doctor() {
    install song zh
    $VENV/bin/songbloom doctor
}

tests() {
    install test zh,train,eval,export,server,ui,ray,hub,dev
    local bin=$PWD/$VENV/bin
    "$bin/ruff" check .
    "$bin/mypy"
    "$bin/lint-imports"
    "$bin/python" -m pytest
    # What takes long stands outside the everyday run (pyproject.toml), not outside the checks.
    "$bin/python" -m pytest -m long
}

# One line an entry: what is run, what it is called.
ENTRIES=(
    "song:Make the first song"
    "own:Write your own song"
    "studio:Open the studio, a web page on this machine"
    "server:Run the server for other programs"
    "doctor:Examine the installation and the machine"
    "test:Run the checks and tests"
)

menu() {
    local entry answer number
    echo "SongBloom Next-Gen X2"
    while true; do
        number=0
        for entry in "${ENTRIES[@]}"; do
            number=$((number + 1))
            echo "  $number  ${entry#*:}"
        done
        echo "  q  Quit"
        read -r -p "Choose: " answer || return 0
        [ "$answer" != q ] || return 0
        if [[ $answer =~ ^[0-9]+$ ]] && [ "$answer" -ge 1 ] && [ "$answer" -le "$number" ]; then
            # A process of its own, so that an entry that fails leads back here.
            bash ./quickstart.sh "${ENTRIES[answer - 1]%%:*}" || true
        else
            echo "There is no entry '$answer'."
        fi
    done
}

run() {
    case $1 in
        song) song ;;
        own) own ;;
        studio) studio ;;
        server) server ;;
        doctor) doctor ;;
        test) tests ;;
        help | -h | --help) usage ;;
        *)
            usage >&2
            fail "unknown command '$1'"
            ;;
    esac
}

if [ $# -gt 1 ]; then
    usage >&2
    fail "one command at a time"
elif [ $# -eq 1 ]; then
    run "$1"
elif [ -t 0 ] && [ -t 1 ]; then
    menu
else
    usage
fi
