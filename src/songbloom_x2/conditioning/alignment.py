"""The embedded model's alignment: lyric pointer, run length, bar clock and harmony as deterministic state of a song.

The sketch LM then decides only what is musical: hold the phoneme, go to the next one, rest, or end; at which pitch;
over which chord. Words can neither be skipped nor swapped. The released model has no alignment and copies the lyrics
by attention alone. Nothing here knows the loop, the renderer or files.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from songbloom_x2.conditioning import clock
from songbloom_x2.conditioning.lyric_walk import GAP_INSTRUMENTAL, GAP_NONE
from songbloom_x2.conditioning.score import LyricScore
from songbloom_x2.config import AlignmentConfig
from songbloom_x2.nn.branches import averaged
from songbloom_x2.nn.draw import draw_index

STAY, NEXT, REST, END = range(4)
DECISIONS = 4
UNIFORMS = 3
"""Random numbers a frame takes: decision, pitch, chord."""
VOWELS = frozenset(["AA", "AE", "AH", "AO", "AW", "AX", "AY", "EH", "ER", "EY", "IH", "IY", "OW", "OY", "UH", "UW"])
LONGEST_VOWEL, LONGEST_CONSONANT, LONGEST_REST = 36, 5, 38
"""Frames after which a run is ended whatever the model thinks (1.44, 0.2 and 1.52 s). The corpus sings vowels of up to
1.4 s and consonants of up to 0.16 s, and 99 of 100 rests between lines are shorter than this."""
FRAMES_A_TAG, TAG_ROUNDING, LONGEST_CLOSE = 50, 25, 112
"""An instrumental tag stands for 2 s, rounded; by itself the model plays as long as it likes. After the last word and
what an outro's tags ask for, the band plays on for 4.5 s at most: in the corpus it is 2.9 to 4.4 s."""


@dataclass(frozen=True)
class Profile:
    """What stays the same through a song.

    ``tempo`` float ``[B]`` (beats a minute), ``key`` int64 ``[B]`` (24: unknown), ``statistics`` float ``[B, S]`` of
    the style prompt's latents. ``lowest``, ``highest`` int64 ``[B]``: pitches of the layout between which is sung.
    """

    tempo: Tensor
    key: Tensor
    statistics: Tensor
    lowest: Tensor
    highest: Tensor

    def taken(self, songs: Tensor) -> Profile:
        """The profile of some of the songs."""
        return Profile(**{name: getattr(self, name)[songs] for name in self.__dataclass_fields__})


@dataclass(frozen=True)
class AlignmentState:
    """Where ``B`` songs stand before their next sketch frame; int64 ``[B]`` each.

    ``current``: phoneme sung by the last frame (``P``: none), ``pitch`` (``pitches``: none), ``run``: frames of the
    current run so far, ``pointer``: phonemes begun, ``frame``: index of the next frame, ``chord``: of its harmony slot,
    ``lead``: chord an eighth later (``chords``: not decided yet).
    """

    current: Tensor
    pitch: Tensor
    run: Tensor
    pointer: Tensor
    frame: Tensor
    chord: Tensor
    lead: Tensor

    @classmethod
    def start(cls, size: int, config: AlignmentConfig, device: torch.device | str = "cpu") -> AlignmentState:
        """Before the first frame."""

        def full(value: int) -> Tensor:
            return torch.full((size,), value, dtype=torch.long, device=device)

        layout = config.layout
        return cls(
            current=full(len(layout.phonemes)),
            pitch=full(layout.pitches),
            run=full(0),
            pointer=full(0),
            frame=full(0),
            chord=full(layout.chords),
            lead=full(layout.chords),
        )

    def unsqueezed(self) -> AlignmentState:
        """The same as sequences of one frame, ``[B, 1]``."""
        return AlignmentState(**{name: getattr(self, name).unsqueeze(1) for name in self.__dataclass_fields__})

    def taken(self, songs: Tensor) -> AlignmentState:
        """The state of some of the songs."""
        return AlignmentState(**{name: getattr(self, name)[songs] for name in self.__dataclass_fields__})


def run_bucket(run: Tensor, buckets: int) -> Tensor:
    """Run lengths as buckets: exact up to half of them, then eighths of an octave."""
    half = buckets // 2
    far = half + torch.floor(8 * torch.log2(run.clamp(min=1).double() / half)).long()
    return torch.where(run < half, run, far.clamp(max=buckets - 1))


def tempo_bucket(tempo: Tensor, buckets: int) -> Tensor:
    """Tempo as buckets of 3 beats a minute from 60 up."""
    return ((tempo - 60) / 3).floor().long().clamp(0, buckets - 1)


class AlignmentConditioner(nn.Module):
    """Embeds the state into the sketch LM's input, reads its output, and moves the state on."""

    def __init__(self, config: AlignmentConfig, dim: int, statistics: int) -> None:
        """``dim`` is the LM's width, ``statistics`` the width of ``Profile.statistics``."""
        super().__init__()
        self.config = config
        layout = config.layout
        self.current = nn.Embedding(len(layout.phonemes) + 1, dim)
        self.pitch = nn.Embedding(layout.pitches + 1, dim)
        self.run = nn.Embedding(config.run_buckets, dim)
        self.gap = nn.Embedding(config.gap_buckets, dim)
        self.left = nn.Embedding(config.left_buckets, dim)
        self.bar = nn.Embedding(config.clock_bars, dim)
        self.tick = nn.Embedding(config.clock_ticks, dim)
        self.lead = nn.Embedding(layout.chords + 1, dim)
        self.key = nn.Embedding(layout.chords + 1, dim)
        self.tempo = nn.Embedding(config.tempo_buckets, dim)
        self.statistics = nn.Linear(statistics, dim, bias=False)
        self.upcoming = nn.Embedding(len(layout.phonemes) + 1, dim)
        self.next = nn.ModuleList(nn.Linear(dim, dim, bias=False) for _ in range(config.pointer_rows))
        self.head = nn.Sequential(
            nn.Linear(dim, dim), nn.SiLU(), nn.Linear(dim, DECISIONS + layout.pitches + layout.chords)
        )
        caps = [LONGEST_VOWEL if p in VOWELS else LONGEST_CONSONANT for p in layout.phonemes]
        self.longest = (*caps, LONGEST_REST)

    def rows(self, state: AlignmentState, profile: Profile, score: LyricScore) -> Tensor:
        """What is added to the LM's input at each step: state ``[B, T]`` -> ``[B, T, dim]``."""
        config = self.config
        tempo = profile.tempo.unsqueeze(1)
        x = self.current(state.current) + self.pitch(state.pitch) + self.lead(state.lead)
        x = x + self.run(run_bucket(state.run, config.run_buckets))
        x = x + self.gap(score.gap.gather(1, state.pointer)) + self.left(score.left.gather(1, state.pointer))
        x = x + self.bar(clock.bar(state.frame, tempo).clamp(max=config.clock_bars - 1))
        x = x + self.tick(clock.tick(state.frame, tempo, config.clock_ticks))
        x = x + (
            self.key(profile.key)
            + self.tempo(tempo_bucket(profile.tempo, config.tempo_buckets))
            + self.statistics(profile.statistics.to(self.statistics.weight.dtype))
        ).unsqueeze(1)
        for ahead, linear in enumerate(self.next):
            x = x + linear(self.upcoming(self._phoneme_at(score, state.pointer + ahead)))
        out: Tensor = x
        return out

    def _phoneme_at(self, score: LyricScore, index: Tensor) -> Tensor:
        """Phoneme class at index ``[B, T]`` of the score; ``P`` outside it."""
        inside = (index >= 0) & (index < score.count.unsqueeze(1))
        found = score.classes.gather(1, index.clamp(0, score.classes.shape[1] - 1))
        return torch.where(inside, found, len(self.config.layout.phonemes))

    def split(self, hidden: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Float32 logits of decision ``[..., 4]``, pitch ``[..., pitches]`` and leading chord ``[..., chords]``."""
        layout = self.config.layout
        logits = self.head(hidden).float()
        decision, pitch, chord = logits.split([DECISIONS, layout.pitches, layout.chords], -1)
        return decision, pitch, chord

    def legal(self, state: AlignmentState, score: LyricScore) -> Tensor:
        """Which decisions the score allows, bool ``[..., 4]``, for a state ``[B]`` or ``[B, T]``."""
        count = score.count if state.pointer.dim() == 1 else score.count.unsqueeze(1)
        sung = state.current < len(self.config.layout.phonemes)
        more = state.pointer < count
        return torch.stack([sung, more, torch.ones_like(sung), ~more & (state.frame > 0)], -1)

    def decides_chord(self, state: AlignmentState, tempo: Tensor) -> Tensor:
        """Where the next frame's leading chord is drawn, bool: at the start, and where a new slot comes into reach."""
        if state.frame.dim() == 2:
            tempo = tempo.unsqueeze(1)
        new = clock.leading_slot(state.frame + 1, tempo) != clock.leading_slot(state.frame, tempo)
        return new | (state.frame == 0)

    def guarded(self, state: AlignmentState, score: LyricScore, may_end: Tensor) -> Tensor:
        """The legal decisions ``[B, 4]``, less those that would hold a run for ever or end too early.

        A line is sung without rests, since the corpus has none inside lines; instrumental tags are played in full.
        """
        legal = self.legal(state, score)
        # Not a buffer: it follows from the configuration, and a model built without memory could not compute it.
        longest = state.current.new_tensor(self.longest)
        more = state.pointer < score.count
        gap = score.gap.gather(1, state.pointer.unsqueeze(1)).squeeze(1)
        played = (gap - GAP_INSTRUMENTAL).clamp(min=0) * FRAMES_A_TAG
        resting = state.current == len(self.config.layout.phonemes)
        due = resting & (state.run >= played - TAG_ROUNDING)
        spare = torch.where(more, LONGEST_REST, LONGEST_CLOSE) + (played > 0) * TAG_ROUNDING
        over = state.run >= torch.where(resting, played + spare, longest[state.current])
        legal[:, STAY] &= ~over
        legal[:, NEXT] &= due | (played == 0)
        legal[:, END] &= may_end & (due | (played == 0))
        legal[:, REST] &= ~(over & resting & (legal[:, NEXT] | legal[:, END]))
        legal[:, REST] &= ~(more & ~resting & (state.pointer > 0) & (gap == GAP_NONE))
        return legal

    def choose(
        self,
        hidden: Tensor,
        state: AlignmentState,
        profile: Profile,
        score: LyricScore,
        uniforms: Tensor,
        *,
        temperature: float | Tensor = 1.0,
        may_end: Tensor | None = None,
        only: Tensor | None = None,
        weights: Tensor | None = None,
    ) -> tuple[Tensor, AlignmentState]:
        """Draw one sketch token a song and move on.

        ``hidden`` ``[B, dim]``, ``uniforms`` ``[B, 3]`` -> tokens int64 ``[B]`` (``layout.size`` is EOS) and the state
        before the following frame. A temperature of 0 takes the most likely decision, pitch and chord; as a tensor
        (``[1]``) it is decided when the graph that this was exported to runs. ``only``: bool ``[B, 4]``, decisions to
        be kept to where the score allows one of them. ``weights`` ``[B]``: all are branches of one song, and draw from
        the average of their logits.
        """
        decision_logits, pitch_logits, chord_logits = (averaged(part, weights) for part in self.split(hidden))
        layout = self.config.layout
        if may_end is None:
            may_end = torch.ones_like(state.frame, dtype=torch.bool)
        legal = self.guarded(state, score, may_end)
        if only is not None:
            for wished in (self.legal(state, score) & only, legal & only):
                legal = torch.where(wished.any(1, keepdim=True), wished, legal)
        decision = _draw(decision_logits.masked_fill(~legal, -torch.inf), uniforms[:, 0], temperature)
        pitches = torch.arange(layout.pitches, device=pitch_logits.device)
        # Branches of one song draw the same note: they share a range as they share their logits.
        lowest, highest = (averaged(part.float(), weights) for part in (profile.lowest, profile.highest))
        outside = (pitches < lowest.unsqueeze(1)) | (pitches > highest.unsqueeze(1))
        pitch_logits = pitch_logits.masked_fill(outside, -torch.inf)
        drawn_pitch = _draw(pitch_logits, uniforms[:, 1], self.config.pitch_temperature * temperature)
        drawn_chord = _draw(chord_logits, uniforms[:, 2], self.config.chord_temperature * temperature)

        lead = torch.where(self.decides_chord(state, profile.tempo), drawn_chord, state.lead)
        chord = torch.where(state.frame == 0, lead, state.chord)
        upcoming = self._phoneme_at(score, state.pointer.unsqueeze(1)).squeeze(1)
        none = len(layout.phonemes)
        current = torch.where(decision == STAY, state.current, torch.where(decision == NEXT, upcoming, none))
        sung = current < none
        pitch = torch.where(sung, drawn_pitch, layout.pitches)
        same = (decision == STAY) | ((decision == REST) & (state.current == none))
        beat = clock.beat(state.frame, profile.tempo)
        tokens = torch.where(sung, current * layout.pitches + drawn_pitch, layout.sung + chord * layout.beats + beat)
        tokens = torch.where(decision == END, layout.size, tokens)
        enters = clock.slot(state.frame + 1, profile.tempo) != clock.slot(state.frame, profile.tempo)
        moved = AlignmentState(
            current=current,
            pitch=pitch,
            run=torch.where(same, state.run + 1, 1),
            pointer=state.pointer + (decision == NEXT).long(),
            frame=state.frame + 1,
            chord=torch.where(enters, lead, chord),
            lead=lead,
        )
        return tokens, moved


def _draw(logits: Tensor, uniforms: Tensor, temperature: float | Tensor) -> Tensor:
    if isinstance(temperature, Tensor):
        # One exported graph serves every temperature.
        drawn = draw_index(torch.softmax(logits.float() / temperature.clamp(min=1e-6), -1), uniforms)
        return torch.where(temperature > 0, drawn, logits.argmax(-1))
    if temperature <= 0:
        return logits.argmax(-1)
    # Softmax in float32, as everywhere: float64 does not exist on every device, and the draw itself is exact.
    return draw_index(torch.softmax(logits.float() / temperature, -1), uniforms)
