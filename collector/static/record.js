// A certificate's record: made by `python -m collector.certificates.record_shape`, never by hand.
export const RECORD = {
 "o": {
  "schema": "s",
  "number": "s",
  "sequence": "i",
  "previous": {
   "u": [
    "s",
    "n"
   ]
  },
  "outcome": {
   "e": [
    "aborted",
    "erased",
    "failed",
    "refused"
   ]
  },
  "reason": {
   "u": [
    {
     "o": {
      "code": "s",
      "text": "s",
      "hint": "s"
     },
     "r": [
      "code",
      "text"
     ]
    },
    "n"
   ]
  },
  "job": "s",
  "started_at": "s",
  "finished_at": "s",
  "clock": {
   "o": {
    "source": "s",
    "synchronised": "b",
    "boot_id": "s",
    "monotonic_ms": "i"
   },
   "r": [
    "source",
    "synchronised",
    "boot_id",
    "monotonic_ms"
   ]
  },
  "station": {
   "o": {
    "id": "s",
    "name": "s",
    "location": "s",
    "organisation": "s",
    "software": {
     "o": {
      "name": "s",
      "version": "s"
     },
     "r": [
      "name",
      "version"
     ]
    },
    "kernel": "s",
    "machine": "s"
   },
   "r": [
    "id",
    "name",
    "location",
    "organisation",
    "software",
    "kernel",
    "machine"
   ]
  },
  "operator": {
   "u": [
    {
     "o": {
      "id": "s",
      "name": "s",
      "title": "s"
     },
     "r": [
      "id"
     ]
    },
    "n"
   ]
  },
  "customer": {
   "u": [
    {
     "o": {
      "name": "s",
      "lot": "s",
      "reference": "s"
     },
     "r": [
      "name"
     ]
    },
    "n"
   ]
  },
  "asset": {
   "u": [
    {
     "o": {
      "tag": "s",
      "kind": {
       "e": [
        "computer",
        "loose-drive",
        "other",
        "phone",
        "server",
        "tablet"
       ]
      },
      "manufacturer": "s",
      "model": "s",
      "serial": "s",
      "identifiers": {
       "l": {
        "o": {
         "kind": {
          "e": [
           "eid",
           "imei",
           "meid",
           "serial",
           "uuid"
          ]
         },
         "value": "s"
        },
        "r": [
         "kind",
         "value"
        ]
       }
      },
      "drives": {
       "u": [
        {
         "o": {
          "index": "i",
          "of": "i"
         },
         "r": [
          "index",
          "of"
         ]
        },
        "n"
       ]
      }
     },
     "r": [
      "tag"
     ]
    },
    "n"
   ]
  },
  "drive": {
   "o": {
    "vendor": {
     "u": [
      "s",
      "n"
     ]
    },
    "model": {
     "u": [
      "s",
      "n"
     ]
    },
    "serial": {
     "u": [
      "s",
      "n"
     ]
    },
    "wwn": {
     "u": [
      "s",
      "n"
     ]
    },
    "firmware": {
     "u": [
      "s",
      "n"
     ]
    },
    "transport": "s",
    "media": {
     "e": [
      "flash",
      "hdd",
      "nvme",
      "ssd",
      "unknown"
     ]
    },
    "capacity_bytes": "i",
    "native_capacity_bytes": {
     "u": [
      "i",
      "n"
     ]
    },
    "logical_block_bytes": "i",
    "physical_block_bytes": "i",
    "identity_source": {
     "u": [
      {
       "e": [
        "bridge",
        "drive"
       ]
      },
      {
       "e": [
        "scanned"
       ]
      }
     ]
    },
    "bridge": {
     "u": [
      "s",
      "n"
     ]
    },
    "hidden_area": {
     "u": [
      {
       "o": {
        "kind": {
         "e": [
          "amac",
          "dco",
          "hpa",
          "unknown"
         ]
        },
        "bytes": "i",
        "outcome": {
         "e": [
          "not-removed",
          "removed",
          "reported"
         ]
        }
       },
       "r": [
        "kind",
        "bytes"
       ]
      },
      "n"
     ]
    },
    "health": {
     "o": {
      "before": {
       "u": [
        {
         "m": "a"
        },
        "n"
       ]
      },
      "after": {
       "u": [
        {
         "m": "a"
        },
        "n"
       ]
      },
      "heat_protection": {
       "u": [
        {
         "e": [
          "off",
          "on"
         ]
        },
        "n"
       ]
      }
     },
     "r": []
    },
    "capabilities": {
     "o": {
      "before": {
       "u": [
        {
         "o": {
          "sanitize": {
           "l": {
            "e": [
             "block",
             "crypto",
             "overwrite"
            ]
           }
          },
          "hidden_area_features": {
           "l": {
            "e": [
             "amac",
             "dco",
             "hpa"
            ]
           }
          },
          "hidden_area_unread": {
           "l": {
            "e": [
             "amac",
             "dco",
             "hpa"
            ]
           }
          },
          "trusted_commands": {
           "u": [
            "b",
            "n"
           ]
          },
          "security_supported": {
           "u": [
            "b",
            "n"
           ]
          },
          "security_enabled": {
           "u": [
            "b",
            "n"
           ]
          },
          "security_locked": {
           "u": [
            "b",
            "n"
           ]
          },
          "security_frozen": {
           "u": [
            "b",
            "n"
           ]
          },
          "security_count_expired": {
           "u": [
            "b",
            "n"
           ]
          },
          "secure_erase_minutes": {
           "u": [
            "i",
            "n"
           ]
          },
          "enhanced_erase": {
           "u": [
            "b",
            "n"
           ]
          },
          "enhanced_erase_minutes": {
           "u": [
            "i",
            "n"
           ]
          },
          "format": {
           "u": [
            "b",
            "n"
           ]
          },
          "format_crypto": {
           "u": [
            "b",
            "n"
           ]
          },
          "format_all_namespaces": {
           "u": [
            "b",
            "n"
           ]
          },
          "namespaces": {
           "u": [
            "i",
            "n"
           ]
          },
          "unallocated_bytes": {
           "u": [
            "i",
            "n"
           ]
          },
          "replay_protected_units": {
           "u": [
            "i",
            "n"
           ]
          }
         },
         "r": []
        },
        "n"
       ]
      },
      "after": {
       "u": [
        {
         "o": {
          "sanitize": {
           "l": {
            "e": [
             "block",
             "crypto",
             "overwrite"
            ]
           }
          },
          "hidden_area_features": {
           "l": {
            "e": [
             "amac",
             "dco",
             "hpa"
            ]
           }
          },
          "hidden_area_unread": {
           "l": {
            "e": [
             "amac",
             "dco",
             "hpa"
            ]
           }
          },
          "trusted_commands": {
           "u": [
            "b",
            "n"
           ]
          },
          "security_supported": {
           "u": [
            "b",
            "n"
           ]
          },
          "security_enabled": {
           "u": [
            "b",
            "n"
           ]
          },
          "security_locked": {
           "u": [
            "b",
            "n"
           ]
          },
          "security_frozen": {
           "u": [
            "b",
            "n"
           ]
          },
          "security_count_expired": {
           "u": [
            "b",
            "n"
           ]
          },
          "secure_erase_minutes": {
           "u": [
            "i",
            "n"
           ]
          },
          "enhanced_erase": {
           "u": [
            "b",
            "n"
           ]
          },
          "enhanced_erase_minutes": {
           "u": [
            "i",
            "n"
           ]
          },
          "format": {
           "u": [
            "b",
            "n"
           ]
          },
          "format_crypto": {
           "u": [
            "b",
            "n"
           ]
          },
          "format_all_namespaces": {
           "u": [
            "b",
            "n"
           ]
          },
          "namespaces": {
           "u": [
            "i",
            "n"
           ]
          },
          "unallocated_bytes": {
           "u": [
            "i",
            "n"
           ]
          },
          "replay_protected_units": {
           "u": [
            "i",
            "n"
           ]
          }
         },
         "r": []
        },
        "n"
       ]
      }
     },
     "r": []
    },
    "identity_note": {
     "u": [
      "s",
      "n"
     ]
    }
   },
   "r": [
    "vendor",
    "model",
    "serial",
    "wwn",
    "firmware",
    "transport",
    "media",
    "capacity_bytes",
    "native_capacity_bytes",
    "logical_block_bytes",
    "physical_block_bytes",
    "identity_source",
    "bridge",
    "hidden_area",
    "health"
   ]
  },
  "sanitization": {
   "o": {
    "level": {
     "e": [
      "clear",
      "none",
      "purge"
     ]
    },
    "level_nist_800_88_r1": {
     "e": [
      "clear",
      "none",
      "purge"
     ]
    },
    "level_ieee_2883": {
     "e": [
      "clear",
      "none",
      "purge"
     ]
    },
    "standard": "s",
    "method": "s",
    "technique": "s",
    "passes": {
     "l": {
      "o": {
       "number": "i",
       "pattern": "s",
       "bytes": "i",
       "started_at": "s",
       "finished_at": {
        "u": [
         "s",
         "n"
        ]
       }
      },
      "r": [
       "number",
       "pattern",
       "bytes",
       "started_at",
       "finished_at"
      ]
     }
    },
    "commands": {
     "l": {
      "o": {
       "name": "s",
       "bytes": "s",
       "status": "s",
       "raw": "s"
      },
      "r": [
       "name",
       "bytes",
       "status",
       "raw"
      ]
     }
    },
    "asked_level": {
     "e": [
      "clear",
      "none",
      "purge"
     ]
    },
    "fell_back": {
     "u": [
      {
       "o": {
        "from": "s",
        "to": "s",
        "why": "s"
       },
       "r": [
        "from",
        "to",
        "why"
       ]
      },
      "n"
     ]
    },
    "not_reached": {
     "l": "s"
    },
    "also_destroyed": {
     "l": "s"
    }
   },
   "r": [
    "level",
    "level_nist_800_88_r1",
    "level_ieee_2883",
    "standard",
    "method",
    "technique"
   ]
  },
  "verification": {
   "o": {
    "kind": {
     "e": [
      "full",
      "none",
      "sample"
     ]
    },
    "result": {
     "e": [
      "failed",
      "not-run",
      "passed"
     ]
    },
    "bytes": "i",
    "blake3": {
     "u": [
      "s",
      "n"
     ]
    },
    "expected_blake3": {
     "u": [
      "s",
      "n"
     ]
    },
    "sample": {
     "u": [
      {
       "o": {
        "seed": "s",
        "locations": "i",
        "fraction": "f",
        "confidence": "s"
       },
       "r": [
        "seed",
        "locations",
        "fraction"
       ]
      },
      "n"
     ]
    },
    "mismatches": {
     "l": {
      "o": {
       "offset": "i",
       "bytes": "i"
      },
      "r": [
       "offset",
       "bytes"
      ]
     }
    },
    "mismatches_truncated": "b",
    "sentinels": {
     "u": [
      {
       "o": {
        "count": "i",
        "survived": "i",
        "unreadable": "i"
       },
       "r": [
        "count"
       ]
      },
      "n"
     ]
    },
    "content": {
     "u": [
      "s",
      "n"
     ]
    },
    "note": {
     "u": [
      "s",
      "n"
     ]
    },
    "writes": {
     "u": [
      {
       "o": {
        "ours": "i",
        "seen": "i"
       },
       "r": [
        "ours",
        "seen"
       ]
      },
      "n"
     ]
    },
    "writers": {
     "u": [
      {
       "e": [
        "none",
        "unknown"
       ]
      },
      "n"
     ]
    }
   },
   "r": [
    "kind",
    "result"
   ]
  },
  "capacity_proof": {
   "u": [
    {
     "o": {
      "seed": "s",
      "places": "i",
      "bytes": "i",
      "result": {
       "e": [
        "failed",
        "not-run",
        "passed"
       ]
      },
      "real_bytes": {
       "u": [
        "i",
        "n"
       ]
      },
      "why": {
       "u": [
        "s",
        "n"
       ]
      }
     },
     "r": [
      "result"
     ]
    },
    "n"
   ]
  },
  "resumed": {
   "l": {
    "o": {
     "at": "s",
     "offset": "i",
     "places": "i",
     "result": {
      "e": [
       "failed",
       "not-run",
       "passed"
      ]
     }
    },
    "r": [
     "at",
     "offset",
     "places",
     "result"
    ]
   }
  },
  "unreached": {
   "l": {
    "o": {
     "offset": "i",
     "bytes": "i",
     "reason": "s"
    },
    "r": [
     "offset",
     "bytes",
     "reason"
    ]
   }
  },
  "interruptions": {
   "l": {
    "o": {
     "at": "s",
     "reason": "s",
     "resumed_at_offset": "i"
    },
    "r": [
     "at",
     "reason",
     "resumed_at_offset"
    ]
   }
  },
  "validation": {
   "o": {
    "decision": {
     "e": [
      "accepted",
      "awaiting",
      "rejected"
     ]
    },
    "by": {
     "u": [
      "s",
      "n"
     ]
    },
    "at": {
     "u": [
      "s",
      "n"
     ]
    }
   },
   "r": []
  },
  "disposition": {
   "u": [
    {
     "o": {
      "grade": "s",
      "destination": "s",
      "notes": "s"
     },
     "r": []
    },
    "n"
   ]
  },
  "attestation": {
   "u": [
    {
     "o": {
      "by": "s",
      "checks": {
       "l": {
        "o": {
         "question": "s",
         "answer": {
          "e": [
           "no",
           "yes"
          ]
         }
        },
        "r": [
         "question",
         "answer"
        ]
       }
      },
      "at": "s"
     },
     "r": [
      "by",
      "checks",
      "at"
     ]
    },
    "n"
   ]
  },
  "gap": {
   "u": [
    {
     "o": {
      "first": "i",
      "last": "i",
      "why": "s"
     },
     "r": [
      "first",
      "last",
      "why"
     ]
    },
    "n"
   ]
  },
  "replaces": {
   "u": [
    {
     "o": {
      "key": "s",
      "last": {
       "u": [
        "s",
        "n"
       ]
      }
     },
     "r": [
      "key",
      "last"
     ]
    },
    "n"
   ]
  }
 },
 "r": [
  "number",
  "sequence",
  "previous",
  "outcome",
  "job",
  "started_at",
  "finished_at",
  "clock",
  "station",
  "operator",
  "customer",
  "asset",
  "drive",
  "sanitization",
  "verification"
 ]
};
