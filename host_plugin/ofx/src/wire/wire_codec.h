// Parts of messages that several of them share, to and from MessagePack (docs/wire.md, sections 4 and 6).
//
// Reading throws MsgpackError for what does not fit.

#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "wire/msgpack_lite.h"
#include "wire/wire_types.h"

namespace node {

std::string encode_settings(const RemovalSettings& settings);

// Frame numbers, sizes and positions: all far inside what an int holds, so that sums of them are, too.
std::vector<int> read_small_integers(const std::vector<MsgpackValue>& items);

std::vector<FrameRun> read_runs(const std::vector<MsgpackValue>& items);
PlateRegion read_region(const std::vector<MsgpackValue>& items);
PixelShape read_shape(const MsgpackValue& buffer);

// How many pairs of flow a finished job had to estimate, by its report; 0 when it does not say.
int read_flow_pairs(const MsgpackValue& done);

// The sentences a finished job has for the artist, in one line; empty when it has none.
std::string read_warnings(const MsgpackValue& done);

// A buffer's description up to its place, which has to follow.
void write_buffer(MsgpackWriter& content, const PixelShape& shape);
void write_inline_place(MsgpackWriter& content);
void write_shared_place(MsgpackWriter& content, const std::string& name, std::size_t byte_count,
                        std::int64_t generation);

}  // namespace node
