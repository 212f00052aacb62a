"""The verbs that public docstrings begin with (tests/test_voice.py). A new one is added when it is the right word."""

from __future__ import annotations

VERBS = frozenset(
    word
    for line in (
        "Abandon Accept Add Adjust Announce Answer Ask Assign Begin Believe Break Bring Build Call Cancel Carry",
        "Certify Check Choose Clean Clear Close Compare Compile Compute Conclude Connect Convert Copy Count Cover",
        "Create Cut Cycle Deal Decide Decode Derive Describe Dim Divide Do Draw Emit Empty Encode End Erase Escape",
        "Examine",
        "Expect Extract Feed Fill Find Fit Flush Fold Follow Forget Form Format Gather Generate Get Give Go Halt Hand",
        "Handle Hash Have Hear Hold Identify Invert Judge Keep Lay Leave Let List Listen Load Lock Log Look Make",
        "Map Mark Match Measure Mend Merge Move Name Note Notice Number Offer Open Order Overwrite Pack Paint",
        "Parse Pass Place Plan Prepare Preview Print Publish Put Queue Quote Raise Read Receive Record Reduce Refuse",
        "Release Remember Remove Render Replace Report Require Resolve Rest Return Rewrite Run Sanitize Save Say",
        "Seal See Send Serve Set Settle Show Shut Sign Skip Sort Split Start Stop Store Strip Sum Switch Take Tell",
        "Drop Hide Lead Translate Treat Trust Try Turn Type Unlock Unpack Use Verify Wait Wake Watch Wish Work Wrap",
        "Write Yield Change Decrypt Disable Encrypt Link Enrol Post Renew Revoke",
        "Commit Freeze Prove Scrap Sell",
    )
    for word in line.split()
)
