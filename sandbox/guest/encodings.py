"""The tables of the Encoding standard's legacy encodings, made from Python's codecs when the guest is built.

Owns the corrections: where the standard's indexes differ from Python's codecs. Must not decode anything for the guest (c/legacy.c does).
"""

# ruff: noqa: PLR2004 - the standard's numbers

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

# In the order of c/legacy.c; by Python's names, "" for what is written out below.
SINGLE_BYTE: Final = (
    "cp866", "iso8859-2", "iso8859-3", "iso8859-4", "iso8859-5", "iso8859-6", "iso8859-7", "iso8859-8", "iso8859-10", "iso8859-13",
    "iso8859-14", "iso8859-15", "iso8859-16", "koi8-r", "koi8-u", "mac-roman", "cp874", "cp1250", "cp1251", "cp1252", "cp1253", "cp1254",
    "cp1255", "cp1256", "cp1257", "cp1258", "mac-cyrillic",
)  # fmt: skip
# Bytes of single-byte encodings for which the standard says something else.
_SINGLE_BYTE_FIXES: Final[Mapping[str, Mapping[int, int]]] = {
    "koi8-u": {0xAE: 0x045E, 0xBE: 0x040E},
    "mac-cyrillic": {0xFF: 0x20AC},
    "cp1255": {0xCA: 0x05BA},
}
# The C1 controls stand where Microsoft left a byte undefined.
_WITH_CONTROLS: Final = ("cp125", "cp874")

_JIS0208, _JIS0212, _EUC_KR, _BIG5, _GB18030 = 11280, 8836, 23750, 19782, 23940
# Private use rows of Shift_JIS, which are no part of the index.
_PRIVATE_ROWS: Final = range(8836, 10716)
# GB 18030: [bytes, code point in the editions of 2005 and 2022, code point in that of 2000], of which the four-byte forms are counted.
_GB18030_FIXES: Final = (
    (0xA6D9, 0xFE10, 0xE78D), (0xA6DA, 0xFE12, 0xE78E), (0xA6DB, 0xFE11, 0xE78F), (0xA6DC, 0xFE13, 0xE790), (0xA6DD, 0xFE14, 0xE791),
    (0xA6DE, 0xFE15, 0xE792), (0xA6DF, 0xFE16, 0xE793), (0xA6EC, 0xFE17, 0xE794), (0xA6ED, 0xFE18, 0xE795), (0xA6F3, 0xFE19, 0xE796),
    (0xFE59, 0x9FB4, 0xE81E), (0xFE61, 0x9FB5, 0xE826), (0xFE66, 0x9FB6, 0xE82B), (0xFE67, 0x9FB7, 0xE82C), (0xFE6D, 0x9FB8, 0xE832),
    (0xFE7E, 0x9FB9, 0xE843), (0xFE90, 0x9FBA, 0xE854), (0xFEA0, 0x9FBB, 0xE864), (0xA8BC, 0x1E3F, 0xE7C7),
)  # fmt: skip
# Big5 pointers that are cp950's and not Big5-HKSCS's.
_BIG5_CP950: Final = (5029, 5038, 5120, 5153, 5168, 5169, 5182, 5183, 5185, 5187, 5188, 5465)
# Pointers of index-big5 that Python's codecs lack (HKSCS-2008, and doubles of other pointers): "first pointer:code points".
_BIG5_ADDED: Final = """
1000:3875,21d53,2369e,26021,3eec,258de,3af5,7afc,9f97,24161,2890d,231ea,20a8a,2325e,430a,8484,9f96,942f,4930,8613,5896,974a,9218,
79d0,7a32,6660,6a29,889d,744c,7bc5,6782,7a2c,524f,9046,34e6,73c4,25db9,74c6,9fc7,57b3,492f,544c,4131,2368e,5818,7a72,27b65,8b8f,
46ae,26e88,4181,25d99,7bae,224bc,9fc8,224c1,224c9,224cc,9fc9,8504,235bb,40b4,9fca,44e1,2adff,62c1,706e,9fcb 2082:7bb8 2088:7c06
2103:7cce 2114:7dd2 2123:7e1d 2148:8005 2151:8028 2221:83c1 2239:84a8 2244:840f 2303:89a6,89a9 2354:8d77 2400:90fd 2413:92b9
2477:975c 2498:97ff 2605:9f16 2673:8503 2746:5159,515b,515d,515e 2771:936e 2780:7479 2990:6d67 3087:799b 3259:9097 3301:975d
3436:701e 3451:5b28 4136:7201 4138:77d7 4141:7e87 4182:99d6 4206:91d4 4220:60de 4230:6fb6 4241:8f36 4258:4fbb 4273:71df 4279:9104
4282:9df0 4294:83cf 4329:5c10,79e3 4349:5a67 4419:8f0b 4422:7b51 4494:62d0 4624:6062 4694:75f9 4708:6c4a 4742:9b2e 4748:9f17
4815:50ed 4828:5f0c 4902:880f 4922:62ce 4982:7468 4992:7162 4997:7250 5432:2400,2401,2402,2403,2404,2405,2406,2407,2408,2409,240a,
240b,240c,240d,240e,240f,2410,2411,2412,2413,2414,2415,2416,2417,2418,2419,241a,241b,241c,241d,241e,241f,2421 10942:5ef4
10946:65e0 10948:7676 10950:96b6 10957:3003,4edd 19028:5029 19035:507d 19088:5305 19096:5344 19112:537f 19162:5605 19240:5a77
19299:5e75 19305:5ed0 19326:5f58 19355:60a4 19398:6490 19439:6674 19454:675e 19553:6c9c,6e1d 19557:6e2f 19611:716e 19643:732a
19672:745c 19697:74e9 19748:7809
"""


def _one(data: bytes, codec: str) -> int:
    """The single code point these bytes stand for; 0 when there is none."""
    try:
        text = data.decode(codec)
    except UnicodeDecodeError:
        return 0
    return ord(text) if len(text) == 1 else 0


def single_byte(codec: str) -> list[int]:
    """Code points of the bytes from 0x80; 0 where there is none."""
    fixes = _SINGLE_BYTE_FIXES.get(codec, {})
    points = [fixes.get(byte) or _one(bytes([byte]), codec) for byte in range(0x80, 0x100)]
    if codec.startswith(_WITH_CONTROLS):
        points[:32] = [point or 0x80 + at for at, point in enumerate(points[:32])]
    return points


def jis0208() -> list[int]:
    """Index jis0208, by way of Shift_JIS."""
    points = []
    for pointer in range(_JIS0208):
        row, cell = divmod(pointer, 188)
        data = bytes([row + (0x81 if row < 0x1F else 0xC1), cell + (0x40 if cell < 0x3F else 0x41)])
        points.append(0 if pointer in _PRIVATE_ROWS else _one(data, "cp932"))
    return points


def jis0212() -> list[int]:
    """Index jis0212."""
    points = [_one(bytes([0x8F, pointer // 94 + 0xA1, pointer % 94 + 0xA1]), "euc_jp") for pointer in range(_JIS0212)]
    points[116] = 0xFF5E
    return points


def euc_kr() -> list[int]:
    """Index euc-kr."""
    return [_one(bytes([pointer // 190 + 0x81, pointer % 190 + 0x41]), "cp949") for pointer in range(_EUC_KR)]


def big5() -> list[int]:
    """Index big5; four of its pointers stand for two code points each and are left to the decoder."""
    points = []
    for pointer in range(_BIG5):
        row, cell = divmod(pointer, 157)
        data = bytes([row + 0x81, cell + (0x40 if cell < 0x3F else 0x62)])
        points.append(_one(data, "cp950" if pointer in _BIG5_CP950 else "big5hkscs"))
    for run in _BIG5_ADDED.replace(",\n", ",").split():
        first, added = run.split(":")
        for at, point in enumerate(added.split(","), int(first)):
            points[at] = int(point, 16)
    return points


def gb18030() -> tuple[list[int], list[tuple[int, int]]]:
    """(index gb18030, the ranges of its four-byte forms as pairs of first pointer and code point)."""
    points, replaced = [], {code: new for code, new, _ in _GB18030_FIXES}
    for pointer in range(_GB18030):
        row, cell = divmod(pointer, 190)
        data = bytes([row + 0x81, cell + (0x40 if cell < 0x3F else 0x41)])
        points.append(replaced.get(int.from_bytes(data)) or _one(data, "gb18030"))
    # The four-byte forms count what the edition of 2000 had no two bytes for.
    taken = (set(points) - {new for _, new, _ in _GB18030_FIXES}) | {old for _, _, old in _GB18030_FIXES}
    ranges: list[tuple[int, int]] = []
    count, before = 0, 0
    for point in range(0x80, 0x10000):
        if point in taken or 0xD800 <= point <= 0xDFFF:
            continue
        if point != before + 1:
            ranges.append((count, point))
        count, before = count + 1, point
    return points, ranges


def _array(kind: str, name: str, values: Iterable[int]) -> str:
    return f"static const {kind} {name}[] = {{{','.join(map(str, values))}}};\n"


def source() -> bytes:
    """encodings.inc: every table as C."""
    points, ranges = gb18030()
    chinese = big5()
    parts = [f"static const uint16_t single_byte[{len(SINGLE_BYTE)}][128] = {{\n"]
    parts += [f"{{{','.join(map(str, single_byte(codec)))}}},\n" for codec in SINGLE_BYTE]
    parts += ["};\n", _array("uint16_t", "jis0208", jis0208()), _array("uint16_t", "jis0212", jis0212())]
    parts += [_array("uint16_t", "euc_kr", euc_kr()), _array("uint16_t", "gb18030", points)]
    parts += [
        _array("uint16_t", "gb_pointers", (pointer for pointer, _ in ranges)),
        _array("uint16_t", "gb_points", (point for _, point in ranges)),
    ]
    # Big5 has characters of plane 2: sixteen bits here, and a bit for the plane.
    planes = [sum(1 << bit for bit, point in enumerate(chinese[at : at + 8]) if point > 0xFFFF) for at in range(0, len(chinese), 8)]
    parts += [_array("uint16_t", "big5", (point & 0xFFFF for point in chinese)), _array("uint8_t", "big5_planes", planes)]
    return "".join(parts).encode()
