"""What a scan means: a table. Pure; agent/scan/dialogue.py goes by it.

    badge -> lot -> (asset tag -> bay) -> plan shown -> the drive's label, YES or the countdown
          -> erasing -> result -> grade -> label -> remove the drive
    badge -> a phone's IMEI -> asset tag -> the vendor's reset -> YES or NO to each check -> label
    asset tag -> how many drives, or none -> YES; the label of a drive that failed -> the box of what is destroyed

Each row of ROWS reads: in this step, when this is scanned, do that, go there, say so. What is in no row changes
nothing, and the one thing that is expected now is said. Nothing here times out: a technician is never hurried. UNDO and
NO take the last step back until the erasure has begun; from then on CANCEL and the bay stop it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum


class Step(StrEnum):
    """What is expected now."""

    BADGE = "badge"
    LOT = "lot"
    TAG = "tag"
    BAY = "bay"
    SERIAL = "serial"
    CONFIRM = "confirm"
    GRADE = "grade"
    WHICH = "which"
    STOP = "stop"
    PRINT = "print"
    DEVICE = "device"
    CHECK = "check"
    COUNT = "count"
    NODRIVE = "no-drive"
    BOX = "box"


class Seen(StrEnum):
    """A scan, as the table knows it: a bay by what stands there, a drive's label by whether it is the right one."""

    BADGE = "a known badge, and nobody is signed in"
    OWN_BADGE = "the badge of who is signed in"
    OTHER_BADGE = "the badge of another person than who is signed in"
    LOGOUT = "LOG OUT"
    NOBODYS_LOGOUT = "LOG OUT, and nobody is signed in"
    LOT = "a known lot"
    TAG = "an asset tag"
    USED_TAG = "an asset tag that a drive in a bay has"
    COUNTED_TAG = "the same, and it is known how many drives the device has"
    DRIVES = "how many drives a device has"
    NO_DRIVE = "NO DRIVE"
    NO_DRIVE_HERE = "NO DRIVE, of a device with a drive in a bay"
    BOX = "the box of what is destroyed"
    DRIVE_SERIAL = "the serial of a drive in a bay, where a device is expected"
    BAY_OF_SERIAL = "a bay, after the serial of a drive that was taken for a tag"
    YES = "YES or START"
    LAST_YES = "YES to the last check"
    NO = "NO or UNDO"
    CANCEL = "CANCEL"
    REPRINT = "REPRINT"
    GRADE = "a grade"
    SAME_GRADE = "the grade or destination that was just written down"
    UNDONE_GRADE = "UNDO after a grade"
    DESTINATION = "a known destination"
    LABEL = "a label of ours"
    PSID = "a drive's PSID"
    RIGHT_SERIAL = "the label of the drive in the bay"
    OTHER_SERIAL = "another drive's label"
    EMPTY_BAY = "an empty bay"
    READY_BAY = "a bay whose drive waits for a tag"
    ASKING_BAY = "a bay that waits for its drive's label"
    PLANNED_BAY = "a bay that waits for YES"
    COUNTING_BAY = "a bay that counts down"
    BUSY_BAY = "a bay at work"
    ERASED_BAY = "a bay whose drive is erased"
    SPENT_BAY = "a bay whose drive is not erased"
    SHUT_BAY = "a bay that is blocked or out of use"
    NAMELESS_BAY = "a bay whose drive does not say who it is"
    IMEI = "a phone's IMEI"
    SECOND_IMEI = "the other IMEI of the phone that waits for its answers"
    BAD_IMEI = "an IMEI whose check digit does not fit"
    NOBODYS_IMEI = "an IMEI, and nobody is signed in"
    SAME_DEVICE = "the phone that waits for its answers"
    UNTAGGED_DEVICE = "the phone that waits for its tag"
    OTHER_DEVICE = "a device, while a phone waits"
    THEIR_DEVICE = "a phone that another person has begun"
    TABLET = "TABLET"
    UNDONE_CHECK = "UNDO, of a phone"
    UNKNOWN_BADGE = "an unknown badge"
    UNKNOWN_LOT = "an unknown lot"
    UNKNOWN_BAY = "a bay that is not there"
    UNKNOWN_DESTINATION = "an unknown destination"
    WRONG_SYMBOL = "a code of the wrong kind"
    UNKNOWN = "anything else"


class Do(StrEnum):
    """What a row does."""

    NOTHING = "nothing"
    SIGN_IN = "sign in"
    TAKE_LOT = "take the lot"
    KEEP_TAG = "keep the tag"
    KEEP_GRADE = "keep the grade"
    ASSIGN = "assign"
    LOOK = "look at the bay"
    MATCH = "it is the right drive"
    BEGIN = "begin"
    FORGET = "forget all but a phone"
    DROP_PHONE = "forget the phone"
    TAKE_BACK = "take back"
    TAKE_BACK_GRADE = "take the grade back"
    STOP = "stop"
    RATE = "write the grade down"
    NOTE_LABEL = "the label is there"
    PRINT = "print again"
    HANDSET = "keep of the phone"
    ATTEST = "certify what the person answers for"
    HAND_OVER = "turn to the place of another person"
    SIGN_OUT = "sign out"
    KEEP_COUNT = "keep how many drives it has"
    SAY_NO_DRIVE = "write down that it has no drive"
    PUT_IN_BOX = "write down that it is in the box"
    TAKE_OVER_PHONE = "begin another person's phone anew"


Row = tuple[tuple[Step, ...], tuple[Seen, ...], Do, Step | None, str]

ANY = tuple(Step)
HOME = Step.TAG  # or the badge or lot, while one is required and missing
IDLE = (Step.TAG, Step.GRADE, Step.BOX)
OPEN = (*IDLE, Step.BAY, Step.WHICH, Step.STOP, Step.PRINT, Step.COUNT, Step.NODRIVE)
STAY = None
ANY_BAY = tuple(seen for seen in Seen if seen.name.endswith("_BAY") and seen is not Seen.UNKNOWN_BAY)
ASKED = (Step.SERIAL, Step.CONFIRM)
NOT_ASKED = tuple(step for step in Step if step not in ASKED)
NOT_BOX = tuple(step for step in Step if step is not Step.BOX)
NOT_PRINT = tuple(step for step in Step if step is not Step.PRINT)
PLAN = (Seen.ASKING_BAY, Seen.PLANNED_BAY, Seen.COUNTING_BAY)
SHUT = (Seen.SHUT_BAY, Seen.NAMELESS_BAY)
REST = tuple(seen for seen in ANY_BAY if seen not in PLAN)

# fmt: off
ROWS: tuple[Row, ...] = (
    # in this step               what is scanned                  what is done      then          what is said
    (ANY,                        (Seen.BADGE,),                   Do.SIGN_IN,       STAY,         "hello"),
    (ANY,                        (Seen.OWN_BADGE,),               Do.NOTHING,       STAY,         "you_are"),
    (ANY,                        (Seen.OTHER_BADGE,),             Do.HAND_OVER,     STAY,         "hello"),
    (ANY,                        (Seen.LOGOUT,),                  Do.SIGN_OUT,      STAY,         "logged_out"),
    (ANY,                        (Seen.NOBODYS_LOGOUT,),          Do.NOTHING,       STAY,         "nobody_logged_in"),
    (NOT_ASKED,                  (Seen.LOT,),                     Do.TAKE_LOT,      STAY,         "lot_set"),
    (ASKED,                      (Seen.LOT,),                     Do.TAKE_LOT,      HOME,         "lot_set"),
    (ANY,                        (Seen.CANCEL,),                  Do.FORGET,        Step.STOP,    "scan_bay_to_cancel"),
    (ANY,                        (Seen.REPRINT,),                 Do.FORGET,        Step.PRINT,   "scan_to_reprint"),
    (NOT_PRINT,                  (Seen.LABEL,),                   Do.NOTE_LABEL,    STAY,         ""),
    (ANY,                        (Seen.PSID,),                    Do.NOTHING,       STAY,         "psid_not_needed"),
    (ANY,                        (Seen.UNKNOWN_BADGE,),           Do.NOTHING,       STAY,         "unknown_badge"),
    (ANY,                        (Seen.UNKNOWN_LOT,),             Do.NOTHING,       STAY,         "unknown_lot"),
    (ANY,                        (Seen.UNKNOWN_BAY,),             Do.NOTHING,       STAY,         "unknown_bay"),
    (ANY,                        (Seen.UNKNOWN_DESTINATION,),     Do.NOTHING,       STAY,         "unknown_goal"),
    (ANY,                        (Seen.WRONG_SYMBOL,),            Do.NOTHING,       STAY,         "wrong_symbol"),
    (ANY,                        (Seen.UNKNOWN,),                 Do.NOTHING,       STAY,         "unknown_code"),

    # a device and its bay
    (OPEN,                       (Seen.TAG, Seen.COUNTED_TAG),    Do.KEEP_TAG,      Step.BAY,     "scan_bay"),
    (OPEN,                       (Seen.USED_TAG,),                Do.KEEP_TAG,      Step.COUNT,   "tag_again"),
    ((*OPEN, Step.DEVICE),       (Seen.DRIVE_SERIAL,),
                                                                  Do.NOTHING,       STAY,         "serial_is_no_tag"),
    ((Step.BAY,),                (Seen.BAY_OF_SERIAL,),           Do.FORGET,        HOME,         "serial_is_no_tag"),
    ((Step.BAY,),                (Seen.READY_BAY, *PLAN),         Do.ASSIGN,        HOME,         "assigned"),
    ((Step.BAY,),                (Seen.EMPTY_BAY,),               Do.NOTHING,       STAY,         "bay_is_empty"),
    ((Step.BAY,),                (Seen.BUSY_BAY, Seen.SHUT_BAY),  Do.NOTHING,       STAY,         "bay_is_busy"),
    ((Step.BAY,),                (Seen.ERASED_BAY, Seen.SPENT_BAY), Do.NOTHING,     STAY,         "bay_is_done"),
    ((Step.BAY,),                (Seen.GRADE, Seen.DESTINATION),  Do.KEEP_GRADE,    STAY,         "grade_kept"),
    ((Step.BAY, Step.COUNT),     (Seen.NO,),                      Do.FORGET,        HOME,         "undone"),
    # a device with more drives than one, or with none
    ((Step.BAY, Step.COUNT),     (Seen.DRIVES,),                  Do.KEEP_COUNT,    Step.BAY,     "drives_kept"),
    ((Step.COUNT,),              ANY_BAY,                         Do.NOTHING,       STAY,         "tag_again"),
    ((Step.BAY,),                (Seen.NO_DRIVE,),                Do.NOTHING,       Step.NODRIVE, "ask_no_drive"),
    ((Step.BAY, Step.COUNT),     (Seen.NO_DRIVE_HERE,),           Do.NOTHING,       STAY,         "device_has_drive"),
    ((Step.NODRIVE,),            (Seen.YES,),                     Do.SAY_NO_DRIVE,  HOME,         "no_drive_kept"),
    ((Step.NODRIVE,),            (Seen.NO,),                      Do.NOTHING,       Step.BAY,     "scan_bay"),
    (IDLE,                       (Seen.DRIVES, Seen.NO_DRIVE),    Do.NOTHING,       STAY,         "scan_asset_first"),

    # what is destroyed: the label of the drive and then the box, or the bay of a drive that says no name
    ((Step.BOX,),                (Seen.BOX,),                     Do.PUT_IN_BOX,    HOME,         "boxed"),
    ((Step.BOX,),                (Seen.NO,),                      Do.FORGET,        HOME,         "undone"),
    (NOT_BOX,                    (Seen.BOX,),                     Do.NOTHING,       STAY,         "scan_label_first"),
    (IDLE,                       (Seen.NAMELESS_BAY,),            Do.LOOK,          Step.BOX,     "scan_box_bay"),
    ((Step.BAY,),                (Seen.NAMELESS_BAY,),            Do.LOOK,          Step.BOX,     "scan_box_bay"),

    # the plan: the drive's own label where the policy asks for it, then YES where it asks for that, else the countdown
    ((Step.SERIAL,),             (Seen.RIGHT_SERIAL,),            Do.MATCH,         HOME,         "serial_right"),
    ((Step.SERIAL,),             (Seen.OTHER_SERIAL,),            Do.NOTHING,       STAY,         "serial_wrong"),
    ((Step.CONFIRM,),            (Seen.YES,),                     Do.BEGIN,         HOME,         "confirmed"),
    (ASKED,                      (Seen.GRADE, Seen.DESTINATION),  Do.RATE,          STAY,         "graded"),
    ((*ASKED, Step.TAG),         (Seen.NO,),                      Do.TAKE_BACK,     HOME,         "undone_bay"),
    # another bay that can be answered, or undone, is turned to; any other bay is none of this, and the step's is named
    (ASKED,                      (Seen.ASKING_BAY,),              Do.LOOK,          Step.SERIAL,  "scan_serial"),
    (ASKED,                      (Seen.PLANNED_BAY,),             Do.LOOK,          Step.CONFIRM, "scan_yes_or_no"),
    (ASKED,                      (Seen.COUNTING_BAY,),            Do.LOOK,          HOME,         "bay_starts_soon"),

    # a bay without a tag before it
    (IDLE,                       (Seen.READY_BAY, Seen.EMPTY_BAY), Do.NOTHING,      HOME,         "scan_asset_first"),
    (IDLE,                       (Seen.ASKING_BAY,),              Do.LOOK,          Step.SERIAL,  "scan_serial"),
    (IDLE,                       (Seen.PLANNED_BAY,),             Do.LOOK,          Step.CONFIRM, "scan_yes_or_no"),
    (IDLE,                       (Seen.COUNTING_BAY,),            Do.LOOK,          HOME,         "bay_starts_soon"),
    (IDLE,                       (Seen.BUSY_BAY, Seen.ERASED_BAY), Do.LOOK,         Step.GRADE,   "scan_grade"),
    (IDLE,                       (Seen.SPENT_BAY,),               Do.NOTHING,       HOME,         "bay_is_done"),
    (IDLE,                       (Seen.SHUT_BAY,),                Do.NOTHING,       HOME,         "bay_is_busy"),

    # the grade: the bay and then the grade, or the grade and then the bay
    ((Step.GRADE,),              (Seen.GRADE, Seen.DESTINATION),  Do.RATE,          HOME,         "graded"),
    ((Step.GRADE,),              (Seen.NO,),                      Do.FORGET,        HOME,         "nothing_to_undo"),
    ((Step.TAG,),                (Seen.SAME_GRADE,),              Do.NOTHING,       STAY,         "graded"),
    ((Step.TAG,),                (Seen.UNDONE_GRADE,),            Do.TAKE_BACK_GRADE, HOME,       "ungraded"),
    ((Step.TAG, Step.WHICH),     (Seen.GRADE, Seen.DESTINATION),  Do.KEEP_GRADE,    Step.WHICH,   "scan_bay_to_grade"),
    ((Step.WHICH,),              (*PLAN, Seen.BUSY_BAY, Seen.ERASED_BAY), Do.RATE,  HOME,         "graded"),
    ((Step.WHICH,),              (Seen.EMPTY_BAY, Seen.READY_BAY, Seen.SPENT_BAY, *SHUT),
                                                                  Do.NOTHING,       STAY,         "nothing_to_grade"),
    ((Step.WHICH, Step.STOP, Step.PRINT), (Seen.NO,),             Do.FORGET,        HOME,         "undone"),

    # phones and tablets, which have no bay: one person from the IMEI to the last answer
    ((*IDLE, Step.WHICH, Step.DEVICE), (Seen.IMEI,),              Do.HANDSET,       Step.DEVICE,  "scan_device_tag"),
    ((Step.BAY,),                (Seen.IMEI,),                    Do.HANDSET,       Step.CHECK,   ""),
    ((*IDLE, Step.BAY, Step.WHICH, Step.DEVICE), (Seen.BAD_IMEI,), Do.NOTHING,      STAY,         "bad_imei"),
    ((*IDLE, Step.BAY, Step.WHICH), (Seen.NOBODYS_IMEI,),         Do.NOTHING,       STAY,         "badge_first"),
    ((Step.DEVICE,),             (Seen.TABLET,),                  Do.HANDSET,       STAY,         "scan_device_tag"),
    ((Step.DEVICE,),             (Seen.TAG, Seen.USED_TAG, Seen.COUNTED_TAG),
                                                                  Do.HANDSET,       Step.CHECK,   ""),
    ((Step.CHECK,),              (Seen.SECOND_IMEI,),             Do.HANDSET,       STAY,         "second_imei"),
    ((Step.CHECK,),              (Seen.YES,),                     Do.HANDSET,       STAY,         ""),
    ((Step.CHECK,),              (Seen.LAST_YES,),                Do.ATTEST,        HOME,         "attested"),
    ((Step.CHECK,),              (Seen.NO,),                      Do.ATTEST,        HOME,         "not_attested"),
    ((Step.TAG, Step.DEVICE, Step.CHECK), (Seen.UNDONE_CHECK,),   Do.DROP_PHONE,    HOME,         "undone_device"),
    # who scans a bay works at a bay: the phone waits until it is scanned again
    ((Step.DEVICE, Step.CHECK),  (Seen.ASKING_BAY,),              Do.LOOK,          Step.SERIAL,  "scan_serial"),
    ((Step.DEVICE, Step.CHECK),  (Seen.PLANNED_BAY,),             Do.LOOK,          Step.CONFIRM, "scan_yes_or_no"),
    ((Step.DEVICE, Step.CHECK),  (Seen.COUNTING_BAY,),            Do.LOOK,          HOME,         "bay_starts_soon"),
    ((Step.DEVICE, Step.CHECK),  REST,                            Do.NOTHING,       HOME,         "device_waits"),
    (IDLE,                       (Seen.SAME_DEVICE,),             Do.FORGET,        Step.CHECK,   ""),
    (IDLE,                       (Seen.UNTAGGED_DEVICE,),         Do.FORGET,        Step.DEVICE,  "scan_device_tag"),
    ((*IDLE, Step.BAY, Step.WHICH, Step.DEVICE), (Seen.THEIR_DEVICE,), Do.TAKE_OVER_PHONE, Step.DEVICE, "device_taken"),
    ((*IDLE, Step.BAY, Step.WHICH), (Seen.OTHER_DEVICE,),         Do.NOTHING,       STAY,         "device_waits"),

    # CANCEL and REPRINT name their bay after them
    ((Step.STOP,),               ANY_BAY,                         Do.STOP,          HOME,         "cancelled"),
    ((Step.PRINT,),              (*ANY_BAY, Seen.LABEL),          Do.PRINT,         HOME,         "printing_label"),
)
# fmt: on

Table = Mapping[tuple[Step, Seen], tuple[Do, Step | None, str]]


def table_of(rows: Iterable[Row]) -> Table:
    """Make the table of the rows. ValueError where two speak of one scan in one step: neither may win unseen."""
    made: dict[tuple[Step, Seen], tuple[Do, Step | None, str]] = {}
    for steps, what, do, then, say in rows:
        for step in steps:
            for seen in what:
                if (step, seen) in made:
                    raise ValueError(f"two rows for {seen.value!r} in step {step.value!r}")
                made[step, seen] = (do, then, say)
    return made


TABLE: Table = table_of(ROWS)

EXPECTED: Mapping[Step, str] = {
    Step.BADGE: "scan_badge",
    Step.LOT: "scan_lot",
    Step.TAG: "scan_asset",
    Step.BAY: "scan_bay",
    Step.SERIAL: "scan_serial",
    Step.CONFIRM: "scan_yes_or_no",
    Step.GRADE: "scan_grade",
    Step.WHICH: "scan_bay_to_grade",
    Step.STOP: "scan_bay_to_cancel",
    Step.PRINT: "scan_to_reprint",
    Step.DEVICE: "scan_device_tag",
    Step.CHECK: "ask_account_removed",
    Step.COUNT: "scan_drives",
    Step.NODRIVE: "ask_no_drive",
    Step.BOX: "scan_box",
}
"""The one instruction of each step."""
