"""Songs that are made side by side and come and go block by block: a waiting one joins, a finished one leaves.

Each is what it would be alone, within rounding. Knows nothing of who waits for them.
"""

from __future__ import annotations

from dataclasses import dataclass

from songbloom_x2.config import SamplingConfig
from songbloom_x2.engine import Generation
from songbloom_x2.errors import ConfigError
from songbloom_x2.runtime.apply import apply, codec_scope
from songbloom_x2.song_making import PreparedSong, SongMaking, are_takes
from songbloom_x2.types import FloatArray, Progress, Song
from songbloom_x2.workshop import Workshop


@dataclass
class _Place:
    """A song among the others, and what can be said of those beside it."""

    making: SongMaking
    beside: tuple[int, ...] = ()
    """The songs of its first block, itself among them."""
    most: int = 0
    """How many there were at most."""
    takes: bool = True
    """Whether all of them are takes of one request that began together, and no other came later."""

    @property
    def begun(self) -> bool:
        return bool(self.beside)

    def note(self, live: set[int], begin_with_it: bool) -> None:
        """Before a block of these songs; ``begin_with_it``: takes that all begin with this block."""
        if not self.begun:
            self.beside, self.takes = tuple(sorted(live)), begin_with_it
        self.takes = self.takes and live <= set(self.beside)
        self.most = max(self.most, len(live))

    def batch(self, number: int) -> dict[str, int | bool]:
        """For the manifest: enough to have the same sums of numbers again, or that this cannot be."""
        if self.takes:
            return {"size": len(self.beside), "index": self.beside.index(number), "takes": True}
        return {"size": self.most, "index": 0, "takes": False}


class SongsTogether:
    """Songs of one model and one sampling. Not for several threads at once."""

    def __init__(self, workshop: Workshop, sampling: SamplingConfig) -> None:
        """No song is there yet."""
        self._workshop = workshop
        self._sampling = sampling
        with apply(workshop.plan):
            self._generation = Generation(workshop.steps, [], sampling)
        self._places: dict[int, _Place] = {}

    @property
    def going_on(self) -> int:
        """How many songs go on."""
        return self._generation.going_on

    def fits(self, prepared: PreparedSong) -> bool:
        """Whether a song can be made beside these: the same sampling, one branch, its own sketch."""
        return prepared.sampling == self._sampling and not prepared.branches and prepared.sketch is None

    def join(self, prepared: PreparedSong) -> int:
        """A song more, from the next block on; gives its number. Raises ``ConfigError`` for one that does not fit."""
        if not self.fits(prepared):
            raise ConfigError("this song cannot be made beside these: its sampling is another")
        with apply(self._workshop.plan):
            number = self._generation.join(prepared.task())
        making = SongMaking(prepared, self._workshop.codec, decode_frames=0)
        making.start()
        self._places[number] = _Place(making)
        return number

    def block(self) -> list[tuple[int, Progress, FloatArray]]:
        """The next block of all songs: of each its number, how far it is, and what sound became certain.

        Songs that end in it without a block are not among them; see ``over``.
        """
        live = {number for number in self._places if not self._generation.over(number)}
        begin = not any(self._places[number].begun for number in live)
        begin = begin and are_takes([self._places[number].making.prepared.request for number in sorted(live)])
        for number in live:
            self._places[number].note(live, begin)
        # The plan holds during the work only: between two blocks torch is the caller's again.
        with apply(self._workshop.plan):
            made = self._generation.step() or []
        heard = []
        for block in made:
            making = self._places[block.song].making
            with apply(self._workshop.plan), codec_scope(self._workshop.plan):
                sound = making.add(block)
            heard.append((block.song, making.progress, sound))
        return heard

    def over(self) -> list[int]:
        """The songs that are to be finished."""
        return [number for number in self._places if self._generation.over(number)]

    def is_empty(self, number: int) -> bool:
        """Whether a song has no block yet: one that is over was ended by the model before its first."""
        return self._places[number].making.empty

    def finish(self, number: int) -> tuple[FloatArray, Song]:
        """The rest of a song's sound, and the song; it is taken out. Not for one that ``is_empty``."""
        place = self._places[number]
        making = place.making
        self._leave(number)
        rest = self._workshop.finish(making)
        return rest, self._workshop.song(making, place.batch(number))

    def drop(self, number: int) -> None:
        """Take a song out that shall not go on."""
        self._leave(number)

    def _leave(self, number: int) -> None:
        place = self._places[number]
        place.making.state = self._generation.release(number)
        del self._places[number]
