"""Long questions take turns by client: who asks much waits for itself, not others for it."""

from __future__ import annotations

import threading

from propainter_backend.worker.question_queue import MAX_WAITING, QuestionQueue


def of(asker: str, *numbers: int) -> list[dict[str, object]]:
    return [{"op": "plan", "asker": asker, "id": number} for number in numbers]


def test_of_one_client_all_threads_but_one_are_at_work_and_the_next_is_another_s():
    waiting = QuestionQueue(3)
    for note in (*of("much", *range(10)), *of("little", 10)):
        assert waiting.put(note) == []
    taken = [waiting.take() for _ in range(3)]
    assert [note["id"] for note in taken] == [0, 10, 1]
    waiting.done(taken[1])
    came: list[object] = []
    thread = threading.Thread(target=lambda: came.append(waiting.take()["id"]))
    thread.start()
    thread.join(0.1)
    assert came == [], "the third thread is kept for others"
    waiting.put(of("another", 11)[0])
    thread.join(30)
    assert came == [11]


def test_a_lone_thread_serves_everybody_in_turn():
    waiting = QuestionQueue(1)
    for note in (*of("a", 1, 2), *of("b", 3)):
        waiting.put(note)
    for expected in (1, 2, 3):
        note = waiting.take()
        assert note["id"] == expected
        waiting.done(note)


def test_of_a_flood_the_oldest_go_and_nobody_else_s():
    waiting = QuestionQueue(3)
    waiting.put(of("little", 99)[0])
    gone = [each["id"] for number in range(MAX_WAITING + 5) for each in waiting.put(of("much", number)[0])]
    assert gone == [0, 1, 2, 3, 4]
    assert waiting.take()["id"] == 99


def test_what_a_client_that_is_gone_has_waiting_is_given_back():
    waiting = QuestionQueue(2)
    for note in (*of("gone", 1, 2), *of("here", 3)):
        waiting.put(note)
    assert [note["id"] for note in waiting.forget("gone")] == [1, 2]
    assert waiting.take()["id"] == 3
