"""Recordings of speech whose times are known: eSpeak NG speaks, noise is added, files are made."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.support import media

RATE: Final = 16_000
SENTENCES: Final = (
    "오늘은 이차함수의 그래프를 함께 배워 보겠습니다",
    "먼저 꼭짓점의 좌표를 찾아 봅시다",
    "이 식을 완전제곱식으로 고치면 축이 보입니다",
    "다음 문제를 풀어 볼까요",
    "교과서 백이십삼쪽을 펴 주세요",
    "두 점을 지나는 직선의 기울기는 얼마일까요",
)
Sound = NDArray[np.float32]
_SYNCHRONOUS: Final = 2
_RATE_PARAMETER, _PITCH_PARAMETER, _UTF8 = 1, 3, 1
_AUDIBLE: Final = 0.01
"""Of the loudest sample: where an utterance begins and ends."""


def needs_a_voice() -> None:
    """Skip where the voice of the tests is not installed."""
    pytest.importorskip("espeakng_loader", reason="the tests' voice: espeakng-loader")


@cache
def _voice() -> tuple[Any, int]:
    espeakng_loader = pytest.importorskip("espeakng_loader")

    library = ctypes.CDLL(espeakng_loader.get_library_path())
    data = espeakng_loader.get_data_path().encode()
    rate: int = library.espeak_Initialize(_SYNCHRONOUS, 0, data, 0)
    return library, rate


@cache
def spoken(text: str, *, voice: str = "ko", speed: int = 165, pitch: int = 50) -> Sound:
    """One utterance at 16 kHz, from its first audible sample to its last."""
    library, rate = _voice()
    parts: list[NDArray[np.int16]] = []
    kind = ctypes.CFUNCTYPE(
        ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p
    )

    def take(samples: Any, count: int, _events: Any) -> int:
        if samples and count > 0:
            parts.append(np.ctypeslib.as_array(samples, (count,)).copy())
        return 0

    callback = kind(take)
    library.espeak_SetSynthCallback(callback)
    assert library.espeak_SetVoiceByName(voice.encode()) == 0
    library.espeak_SetParameter(_RATE_PARAMETER, speed, 0)
    library.espeak_SetParameter(_PITCH_PARAMETER, pitch, 0)
    raw = text.encode()
    library.espeak_Synth(raw, len(raw) + 1, 0, 1, 0, _UTF8, None, None)
    library.espeak_Synchronize()
    loud = np.concatenate(parts).astype(np.float32) / 32_768
    places = np.arange(0, len(loud), rate / RATE)
    sound = np.interp(places, np.arange(len(loud)), loud).astype(np.float32)
    audible = np.flatnonzero(np.abs(sound) > _AUDIBLE * np.abs(sound).max())
    cut: Sound = sound[audible[0] : audible[-1] + 1]
    return cut


@dataclass(frozen=True)
class Talk:
    """A recording at 16 kHz, and when somebody speaks in it, in seconds."""

    sound: Sound
    spoken: tuple[tuple[float, float], ...]

    @property
    def seconds(self) -> float:
        return len(self.sound) / RATE


def talk(pauses: Sequence[float], *, seed: int = 0, sentences: int = 1, voice: str = "ko") -> Talk:
    """``sentences`` sentences after every pause but the last, with .1 s between them."""
    random = np.random.default_rng(seed)
    parts: list[Sound] = []
    times: list[tuple[float, float]] = []
    at = 0
    for number, pause in enumerate(pauses):
        parts.append(np.zeros(round(pause * RATE), dtype=np.float32))
        at += len(parts[-1])
        if number == len(pauses) - 1:
            break
        begin = at
        for each in range(sentences):
            text = SENTENCES[int(random.integers(len(SENTENCES)))]
            said = spoken(text, voice=voice, pitch=int(random.integers(30, 75)))
            gap = np.zeros(RATE // 10 if each < sentences - 1 else 0, dtype=np.float32)
            parts += [said * 0.5, gap]
            at += len(said) + len(gap)
        times.append((begin / RATE, at / RATE))
    return Talk(np.concatenate(parts), tuple(times))


def with_noise(made: Talk, snr_db: float, *, seed: int = 1, kind: str = "room") -> Talk:
    """The talk under noise that is so many dB below the speech; ``room`` is low, ``white`` flat."""
    random = np.random.default_rng(seed)
    noise = random.standard_normal(len(made.sound)).astype(np.float32)
    if kind == "room":
        spectrum = np.fft.rfft(noise)
        shape = 1 / np.maximum(1.0, np.fft.rfftfreq(len(noise), 1 / RATE) / 150)
        noise = np.fft.irfft(spectrum * shape, len(noise)).astype(np.float32)
    speech = np.concatenate([made.sound[round(a * RATE) : round(b * RATE)] for a, b in made.spoken])
    wanted = float(np.sqrt(np.mean(speech**2))) / 10 ** (snr_db / 20)
    noise *= wanted / float(np.sqrt(np.mean(noise**2)))
    return Talk(np.clip(made.sound + noise, -1, 1), made.spoken)


def music(seconds: float, *, seed: int = 2) -> Sound:
    """Chords of a piano-like sound, four a second, without any voice."""
    random = np.random.default_rng(seed)
    out = np.zeros(round(seconds * RATE), dtype=np.float32)
    time = np.arange(RATE // 2) / RATE
    for begin in range(0, len(out) - len(time), RATE // 4):
        root = 110 * 2 ** (int(random.choice([0, 3, 5, 7, 10, 12])) / 12)
        for step in (1.0, 1.25, 1.5):
            tone = np.sin(2 * np.pi * root * step * time) * np.exp(-6 * time)
            out[begin : begin + len(time)] += 0.1 * tone.astype(np.float32)
    return out


def wav(path: Path, sound: Sound, *, rate: int = RATE) -> Path:
    """A WAV file of 16 bits."""
    raw = path.with_suffix(".raw")
    raw.write_bytes((np.clip(sound, -1, 1) * 32_767).astype("<i2").tobytes())
    media.ffmpeg("-f", "s16le", "-ar", str(rate), "-ac", "1", "-i", str(raw), str(path))
    raw.unlink()
    return path


def boundary_errors(
    found: Sequence[tuple[float, float]], wanted: Sequence[tuple[float, float]]
) -> list[float]:
    """Seconds by which each boundary is off; fails where the stretches do not pair up."""
    assert len(found) == len(wanted), (found, wanted)
    return [
        abs(a - b)
        for one, other in zip(found, wanted, strict=True)
        for a, b in zip(one, other, strict=True)
    ]
