"""Check digits: what tells an account, a card or an identity number from any other number.

Each function takes digits (or letters and digits) without separators.
"""

_IBAN_LENGTHS = """
AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DK18 DO28 EE20 EG29
ES24 FI18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HR21 HU28 IE22 IL23 IQ23 IS26 IT27 JO30 KW30 KZ20
LB28 LC32 LI21 LT20 LU20 LV21 MC27 MD24 ME22 MK19 MR27 MT31 MU30 NL18 NO15 PK24 PL28 PS29 PT25 QA29
RO24 RS22 SA24 SC31 SE24 SI19 SK24 SM27 SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20
"""
IBAN_LENGTHS = {entry[:2]: int(entry[2:]) for entry in _IBAN_LENGTHS.split()}
"""Length of an account number by its country."""
_CARDS = (
    (("34", "37"), (15,)),
    (("36", "38", "300", "301", "302", "303", "304", "305"), (14,)),
    (tuple(str(number) for number in range(3528, 3590)), (16,)),
    (("4",), (13, 16, 19)),
    (("51", "52", "53", "54", "55"), (16,)),
    (tuple(str(number) for number in range(2221, 2721)), (16,)),
    (("6011", "65", "644", "645", "646", "647", "648", "649"), (16,)),
    (("62",), (16, 17, 18, 19)),
)
"""What numbers of payment cards begin with, and their lengths."""
_DNI_LETTERS = "TRWAGMYFPDXBNJZSQVHLCKE"
_ODD = dict(
    zip(
        "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ",
        (1, 0, 5, 7, 9, 13, 15, 17, 19, 21) * 2
        + (2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23),
        strict=True,
    )
)
_EVEN = {c: int(c) if c.isdigit() else ord(c) - 65 for c in _ODD}


def is_luhn(digits: str) -> bool:
    """Whether the last digit is Luhn's check digit of the others."""
    doubled = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)
    total = sum(int(d) if at % 2 == 0 else doubled[int(d)] for at, d in enumerate(digits[::-1]))
    return total % 10 == 0


def is_card(digits: str) -> bool:
    """Whether it is the number of a payment card: beginning, length and check digit."""
    for begins, lengths in _CARDS:
        if len(digits) in lengths and digits.startswith(begins):
            return len(set(digits)) > 1 and is_luhn(digits)
    return False


def is_iban(text: str) -> bool:
    """Whether it is an account number: its country's length and check digits (ISO 7064)."""
    if IBAN_LENGTHS.get(text[:2]) != len(text):
        return False
    moved = text[4:] + text[:4]
    return int("".join(str(int(character, 36)) for character in moved)) % 97 == 1


def is_german_tax_id(digits: str) -> bool:
    """Whether it is an eleven-digit Steuer-ID (ISO 7064 MOD 11,10)."""
    body = digits[:10]
    counts = sorted((body.count(d) for d in set(body)), reverse=True)
    if len(digits) != 11 or digits[0] == "0" or counts[0] not in (2, 3) or counts[1:2] != [1]:
        return False
    product = 10
    for digit in body:
        total = (int(digit) + product) % 10 or 10
        product = total * 2 % 11
    return (11 - product) % 10 == int(digits[10])


def is_pesel(digits: str) -> bool:
    """Whether it is a Polish PESEL: a date of birth and a check digit."""
    month, day = int(digits[2:4]) % 20, int(digits[4:6])
    if len(digits) != 11 or not 1 <= month <= 12 or not 1 <= day <= 31:
        return False
    weights = (1, 3, 7, 9, 1, 3, 7, 9, 1, 3)
    total = sum(int(d) * weight for d, weight in zip(digits[:10], weights, strict=True))
    return (10 - total % 10) % 10 == int(digits[10])


def is_cpf(digits: str) -> bool:
    """Whether it is a Brazilian CPF."""
    if len(digits) != 11 or len(set(digits)) == 1:
        return False
    for length in (9, 10):
        total = sum(int(d) * (length + 1 - at) for at, d in enumerate(digits[:length]))
        if total * 10 % 11 % 10 != int(digits[length]):
            return False
    return True


def is_nir(digits: str) -> bool:
    """Whether it is a French NIR with its key."""
    if len(digits) != 15 or digits[0] not in "12" or not 1 <= int(digits[3:5]) <= 42:
        return False
    return 97 - int(digits[:13]) % 97 == int(digits[13:])


def is_ahv(digits: str) -> bool:
    """Whether it is a Swiss AHV number: 756 and an EAN-13 check digit."""
    if len(digits) != 13 or not digits.startswith("756"):
        return False
    total = sum(int(d) * (3 if at % 2 else 1) for at, d in enumerate(digits[:12]))
    return (10 - total % 10) % 10 == int(digits[12])


def is_belgian(digits: str) -> bool:
    """Whether it is a Belgian national number; of who was born since 2000 too."""
    if len(digits) != 11 or not 1 <= int(digits[2:4]) <= 12 or not 1 <= int(digits[4:6]) <= 31:
        return False
    body, check = digits[:9], int(digits[9:])
    return check in (97 - int(body) % 97, 97 - int("2" + body) % 97)


def is_dni(text: str) -> bool:
    """Whether it is a Spanish DNI or NIE: digits and the letter that belongs to them."""
    digits = text[:-1].translate(str.maketrans("XYZ", "012"))
    return len(digits) == 8 and digits.isdigit() and _DNI_LETTERS[int(digits) % 23] == text[-1]


def is_codice_fiscale(text: str) -> bool:
    """Whether it is an Italian codice fiscale: sixteen characters, the last of which checks."""
    if len(text) != 16 or not text.isascii() or not text.isalnum():
        return False
    total = sum(_ODD[c] if at % 2 == 0 else _EVEN[c] for at, c in enumerate(text[:15]))
    return chr(65 + total % 26) == text[15]
