/* SPDX-License-Identifier: MIT */
/* Words of the text form that its writer and its reader share. */
#ifndef TNC_TEXT_H
#define TNC_TEXT_H

#include "ir.h"

#define TNC_TEXT_MAGIC "tnc 1\n"

extern const char *const tnc_pad_name[2];
extern const char *const tnc_act_name[4];

#endif
