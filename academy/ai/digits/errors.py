"""What can go wrong with handwritten numbers, in the users' words."""

from academy.core.catalogue import Entry, register

register(
    Entry(
        "digits_boxes_missing", 422,
        "{page}쪽에서 답란 상자를 찾지 못했습니다.",
        "No printed answer boxes were found on page {page}.",
        "상자의 네 변이 모두 보이게 다시 찍거나 boxes로 위치를 정해 주세요.",
        "Photograph the page so that all four sides of each box show, or state where they are in "
        "boxes.",
    ),
    Entry(
        "digits_too_many_boxes", 422,
        "{page}쪽의 답란이 너무 많습니다({count}개, 최대 {limit}개).",
        "There are too many answer boxes on page {page} ({count}, at most {limit}).",
        "boxes로 읽을 상자를 정해 주세요.",
        "State which to read in boxes.",
    ),
    Entry(
        "digits_boxes_unexpected", 422,
        "답란의 수가 예상과 다른 쪽이 있습니다: {pages}",
        "Pages on which there are not as many answer boxes as expected: {pages}",
        "overlay 그림에서 번호가 맞는지 확인해 주세요.",
        "Check the numbers on the overlay.",
    ),
    Entry(
        "digits_page_missing", 422,
        "답안지가 {pages}쪽에서 끝나 {page}쪽의 답란이 없습니다.",
        "The sheet needs page {page}, and the document ends with page {pages}.",
        "빠진 쪽을 더해 다시 올려 주세요.",
        "Upload it with the page that is missing.",
    ),
    Entry(
        "digits_box_too_small", 422,
        "{n}번 상자가 너무 작습니다({pixels}픽셀). 높이와 너비가 {limit}픽셀 이상이어야 합니다.",
        "Box {n} is too small ({pixels} pixels); both sides need {limit} at least.",
        "더 높은 해상도로 다시 스캔해 주세요.",
        "Scan it at a higher resolution.",
    ),
)  # fmt: skip
