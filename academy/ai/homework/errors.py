"""What can go wrong with homework videos, in the users' words."""

from academy.core.catalogue import Entry, register

_AGAIN_KO = "책장이 다 보이게, 쪽마다 1초쯤 멈추며 다시 찍어 주세요."
_AGAIN_EN = "Film it again with the whole page in view, and rest about a second on each."

register(
    Entry(
        "homework_too_large", 422,
        "영상 파일이 너무 큽니다({size}바이트, 최대 {limit}바이트).",
        "The video is too large ({size} bytes, at most {limit}).",
        "화질을 낮추거나 나누어 찍어 주세요.",
        "Film it at a lower quality, or in parts.",
    ),
    Entry(
        "homework_too_long", 422,
        "숙제 영상이 너무 깁니다({minutes}분, 최대 {limit}분).",
        "The homework video is too long ({minutes} minutes, at most {limit}).",
        "영상을 나누어 올려 주세요.",
        "Split it and upload the parts.",
    ),
    Entry(
        "homework_no_picture", 422,
        "파일에 소리만 있고 영상이 없습니다.",
        "The file holds sound and no pictures.",
        "공책을 찍은 동영상을 올려 주세요.",
        "Upload a video of the workbook.",
    ),
    Entry(
        "homework_no_pages", 422,
        "영상에서 멈추어 보여 준 쪽을 찾지 못했습니다.",
        "No page is held still anywhere in the video.",
        _AGAIN_KO, _AGAIN_EN,
    ),
    Entry(
        "homework_too_many_pages", 422,
        "영상에서 찾은 쪽이 너무 많습니다({pages}쪽, 최대 {limit}쪽).",
        "There are too many pages in the video ({pages}, at most {limit}).",
        "영상을 나누어 올려 주세요.",
        "Split it and upload the parts.",
    ),
    Entry(
        "homework_cut_short", 422,
        "영상이 도중에 끊겨 있습니다. 앞의 {seconds}초만 읽었습니다.",
        "The video breaks off: only its first {seconds} seconds could be read.",
        "빠진 쪽이 없는지 확인해 주세요.",
        "Check whether pages are missing.",
    ),
    Entry(
        "homework_page_covered", 422,
        "손이 가린 쪽이 있습니다: {pages}",
        "A hand covers a part of these pages: {pages}",
        "그림을 확인하고 필요하면 다시 찍어 주세요.",
        "Look at their pictures, and have them filmed again where it matters.",
    ),
    Entry(
        "homework_page_edges", 422,
        "종이의 가장자리를 찾지 못한 쪽이 있습니다: {pages}",
        "The edges of the paper were not found on these pages: {pages}",
        "그 쪽의 그림은 반듯하지 않을 수 있습니다.",
        "Their pictures may not be straight.",
    ),
)  # fmt: skip
