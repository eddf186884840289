// A plugin for testing the headless host: the mean of a few frames where the matte says so, and on request ("misdeed")
// each thing a plugin must not do. Misdeeds of description are asked for by the environment variable PROBE_MISDEED.
//
// It is a witness too: the file named by PROBE_TRACE receives a line for each action and each opening and closing of the
// binary, and with the parameter "report" a render tells what it was shown, as a log message of name=value lines.
//
// It knows nothing of the real node, and keeps to what the OpenFX ABI notes say.
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include "ofx_abi.h"

namespace {

enum Status { OK = 0, FAILED = 1, MISSING_FEATURE = 4, DEFAULT = 14 };

HostStruct* g_host = nullptr;
const PropertySuite* g_prop = nullptr;
const ImageEffectSuite* g_effect = nullptr;
const ParameterSuite* g_param = nullptr;
const MemorySuite* g_memory = nullptr;
const MultiThreadSuite* g_threads = nullptr;
const MessageSuite* g_message1 = nullptr;
const MessageSuite* g_message2 = nullptr;
const ProgressSuite* g_progress = nullptr;
const TimeLineSuite* g_timeline = nullptr;

// What must not be used any more, kept to be used all the same.
Handle g_dead_instance = nullptr;
char* g_kept_string = nullptr;
Handle g_clip_descriptor = nullptr;

const char* const kMisdeeds[] = {
    "none",           "leak image",       "double release",  "write outside window", "write outside image",
    "write input",    "leave unwritten",  "set value",       "foreign thread",       "undeclared frame",
    "wrong type",     "bad index",        "read only",       "stale handle",         "invented handle",
    "null pointer",   "wrong status",     "fail",            "spawned image",        "leak memory",
    "write outside memory",               "keep string",     "unknown property",     "out of range",
    "padding",        "leak mutex",       "other time output", "spawn in spawned",     "odd message",
    "unlock unheld",
};

void trace(const char* line) {
  const char* path = std::getenv("PROBE_TRACE");
  if (!path) return;
  if (FILE* file = std::fopen(path, "a")) {
    std::fprintf(file, "%s\n", line);
    std::fclose(file);
  }
}

struct Lifetime {
  Lifetime() { trace("opened"); }
  ~Lifetime() { trace("closed"); }
} g_lifetime;

bool env_is(const char* wanted) {
  const char* value = std::getenv("PROBE_MISDEED");
  return value && std::strcmp(value, wanted) == 0;
}

std::string get_string(Handle props, const char* name, int index = 0) {
  char* text = nullptr;
  return g_prop->getString(props, name, index, &text) == OK && text ? text : "";
}

int get_int(Handle props, const char* name, int index = 0) {
  int value = 0;
  g_prop->getInt(props, name, index, &value);
  return value;
}

double get_double(Handle props, const char* name, int index = 0) {
  double value = 0;
  g_prop->getDouble(props, name, index, &value);
  return value;
}

Handle find_param(Handle instance, const char* name, Handle* props = nullptr) {
  Handle params = nullptr, param = nullptr;
  g_effect->getParamSet(instance, &params);
  g_param->getHandle(params, name, &param, props);
  return param;
}

int int_param(Handle instance, const char* name, double time) {
  int value = 0;
  g_param->getValueAtTime(find_param(instance, name), time, &value);
  return value;
}

Handle find_clip(Handle instance, const char* name, Handle* props = nullptr) {
  Handle clip = nullptr;
  g_effect->clipGetHandle(instance, name, &clip, props);
  return clip;
}

// --- pixels -------------------------------------------------------------------------------------------------------------

struct Image {
  Handle handle = nullptr;
  char* data = nullptr;
  int bounds[4] = {0, 0, 0, 0};
  int rowBytes = 0, channels = 4, bytes = 4;
  std::string depth;

  bool covers(int x, int y) const { return data && x >= bounds[0] && x < bounds[2] && y >= bounds[1] && y < bounds[3]; }
  char* at(int x, int y) const {
    return data + static_cast<ptrdiff_t>(y - bounds[1]) * rowBytes + static_cast<ptrdiff_t>(x - bounds[0]) * bytes * channels;
  }
  float get(int x, int y, int c) const {
    if (!covers(x, y)) return 0.f;
    const char* p = at(x, y) + c * bytes;
    if (depth == "OfxBitDepthFloat") return *reinterpret_cast<const float*>(p);
    if (depth == "OfxBitDepthHalf") return static_cast<float>(*reinterpret_cast<const _Float16*>(p));
    if (depth == "OfxBitDepthShort") return *reinterpret_cast<const uint16_t*>(p) / 65535.f;
    return *reinterpret_cast<const uint8_t*>(p) / 255.f;
  }
  void set(int x, int y, int c, float v) const {
    char* p = at(x, y) + c * bytes;
    if (depth == "OfxBitDepthFloat") *reinterpret_cast<float*>(p) = v;
    else if (depth == "OfxBitDepthHalf") *reinterpret_cast<_Float16*>(p) = static_cast<_Float16>(v);
    else if (depth == "OfxBitDepthShort") *reinterpret_cast<uint16_t*>(p) = static_cast<uint16_t>(v * 65535.f + 0.5f);
    else *reinterpret_cast<uint8_t*>(p) = static_cast<uint8_t>(v * 255.f + 0.5f);
  }
};

int fetch(Handle clip, double time, Image* image) {
  int status = g_effect->clipGetImage(clip, time, nullptr, &image->handle);
  if (status != OK) return status;
  void* data = nullptr;
  g_prop->getPointer(image->handle, "OfxImagePropData", 0, &data);
  image->data = static_cast<char*>(data);
  g_prop->getIntN(image->handle, "OfxImagePropBounds", 4, image->bounds);
  image->rowBytes = get_int(image->handle, "OfxImagePropRowBytes");
  image->depth = get_string(image->handle, "OfxImageEffectPropPixelDepth");
  const std::string components = get_string(image->handle, "OfxImageEffectPropComponents");
  image->channels = components == "OfxImageComponentAlpha" ? 1 : components == "OfxImageComponentRGB" ? 3 : 4;
  image->bytes = image->depth == "OfxBitDepthFloat" ? 4 : image->depth == "OfxBitDepthByte" ? 1 : 2;
  return OK;
}

void release(Image* image) {
  if (image->handle) g_effect->clipReleaseImage(image->handle);
  image->handle = nullptr;
}

// --- describing ---------------------------------------------------------------------------------------------------------

int load() {
  auto suite = [](const char* name, int version) { return g_host->fetchSuite(g_host->host, name, version); };
  g_prop = static_cast<const PropertySuite*>(suite("OfxPropertySuite", 1));
  g_effect = static_cast<const ImageEffectSuite*>(suite("OfxImageEffectSuite", 1));
  g_param = static_cast<const ParameterSuite*>(suite("OfxParameterSuite", 1));
  g_memory = static_cast<const MemorySuite*>(suite("OfxMemorySuite", 1));
  g_threads = static_cast<const MultiThreadSuite*>(suite("OfxMultiThreadSuite", 1));
  g_message1 = static_cast<const MessageSuite*>(suite("OfxMessageSuite", 1));
  g_message2 = static_cast<const MessageSuite*>(suite("OfxMessageSuite", 2));
  g_progress = static_cast<const ProgressSuite*>(suite("OfxProgressSuite", 1));
  g_timeline = static_cast<const TimeLineSuite*>(suite("OfxTimeLineSuite", 1));
  return g_prop && g_effect && g_param ? OK : MISSING_FEATURE;
}

int describe(Handle effect) {
  if (env_is("refuse")) return FAILED;
  Handle props = nullptr;
  g_effect->getPropertySet(effect, &props);
  g_prop->setString(props, "OfxPropLabel", 0, "Probe");
  g_prop->setString(props, "OfxImageEffectPropSupportedContexts", 0, "OfxImageEffectContextFilter");
  g_prop->setString(props, "OfxImageEffectPropSupportedContexts", 1, "OfxImageEffectContextGeneral");
  const char* depths[] = {"OfxBitDepthFloat", "OfxBitDepthHalf", "OfxBitDepthShort", "OfxBitDepthByte"};
  g_prop->setStringN(props, "OfxImageEffectPropSupportedPixelDepths", 4, depths);
  g_prop->setInt(props, "OfxImageEffectPropTemporalClipAccess", 0, env_is("no temporal access") ? 0 : 1);
  g_prop->setInt(props, "OfxImageEffectPropSupportsTiles", 0, env_is("tiles") ? 1 : 0);
  g_prop->setString(props, "OfxImageEffectPropClipPreferencesSlaveParam", 0, "opaque");
  const char* safety = std::getenv("PROBE_SAFETY");
  g_prop->setString(props, "OfxImageEffectPluginRenderThreadSafety", 0, safety ? safety : "OfxImageEffectRenderInstanceSafe");
  if (env_is("colour style"))
    g_prop->setString(props, "OfxImageEffectPropColourManagementStyle", 0, "OfxImageEffectColourManagementCore");
  if (env_is("define early")) {
    Handle params = nullptr, param = nullptr;
    g_effect->getParamSet(effect, &params);
    g_param->define(params, "OfxParamTypeInteger", "early", &param);
    g_effect->clipDefine(effect, "Early", &param);
  }
  return OK;
}

Handle define(Handle params, const char* type, const char* name) {
  Handle props = nullptr;
  g_param->define(params, type, name, &props);
  return props;
}

void define_clip(Handle effect, const char* name, bool mask) {
  Handle props = nullptr;
  g_effect->clipDefine(effect, name, &props);
  g_clip_descriptor = props;
  int n = 0;
  if (mask) g_prop->setString(props, "OfxImageEffectPropSupportedComponents", n++, "OfxImageComponentAlpha");
  g_prop->setString(props, "OfxImageEffectPropSupportedComponents", n++, "OfxImageComponentRGBA");
  if (!mask) g_prop->setString(props, "OfxImageEffectPropSupportedComponents", n++, "OfxImageComponentRGB");
  g_prop->setInt(props, "OfxImageEffectPropTemporalClipAccess", 0, 1);
  g_prop->setInt(props, "OfxImageEffectPropSupportsTiles", 0, env_is("tiles") ? 1 : 0);
  g_prop->setInt(props, "OfxImageClipPropOptional", 0, mask && !env_is("mandatory mask") ? 1 : 0);
  g_prop->setInt(props, "OfxImageClipPropIsMask", 0, mask ? 1 : 0);
}

int describe_in_context(Handle effect) {
  define_clip(effect, "Source", false);
  define_clip(effect, "Mask", true);
  define_clip(effect, "Output", false);
  if (env_is("duplicate clip")) define_clip(effect, "Mask", true);

  Handle params = nullptr;
  g_effect->getParamSet(effect, &params);
  Handle p = define(params, "OfxParamTypeInteger", "radius");
  g_prop->setInt(p, "OfxParamPropDefault", 0, env_is("default out of range") ? 99 : 1);
  if (!env_is("no range")) {
    const int lowest = 0, highest = 20;
    g_prop->setInt(p, "OfxParamPropMin", 0, lowest);
    g_prop->setInt(p, "OfxParamPropMax", 0, highest);
    g_prop->setInt(p, "OfxParamPropDisplayMin", 0, lowest);
    g_prop->setInt(p, "OfxParamPropDisplayMax", 0, highest);
  }
  g_prop->setString(p, "OfxParamPropParent", 0, env_is("orphan") ? "nowhere" : "settings");
  define(params, "OfxParamTypeGroup", "settings");

  p = define(params, "OfxParamTypeChoice", "misdeed");
  int n = 0;
  for (const char* misdeed : kMisdeeds) g_prop->setString(p, "OfxParamPropChoiceOption", n++, misdeed);

  for (const char* name : {"gain", "slow_s"}) {
    p = define(params, "OfxParamTypeDouble", name);
    g_prop->setDouble(p, "OfxParamPropDefault", 0, std::strcmp(name, "gain") == 0 ? 1.0 : 0.0);
    for (const char* limit : {"OfxParamPropMin", "OfxParamPropDisplayMin"}) g_prop->setDouble(p, limit, 0, 0.0);
    for (const char* limit : {"OfxParamPropMax", "OfxParamPropDisplayMax"}) g_prop->setDouble(p, limit, 0, 10.0);
  }
  p = define(params, "OfxParamTypeRGBA", "tint");
  const double white[] = {1, 1, 1, 1};
  g_prop->setDoubleN(p, "OfxParamPropDefault", 4, white);
  define(params, "OfxParamTypeBoolean", "opaque");
  define(params, "OfxParamTypeBoolean", "hold");
  define(params, "OfxParamTypeBoolean", "meet");
  define(params, "OfxParamTypeBoolean", "report");
  define(params, "OfxParamTypeString", "status");
  p = define(params, "OfxParamTypeInteger", "tick");
  g_prop->setInt(p, "OfxParamPropSecret", 0, 1);
  for (const char* limit : {"OfxParamPropMin", "OfxParamPropDisplayMin"}) g_prop->setInt(p, limit, 0, 0);
  for (const char* limit : {"OfxParamPropMax", "OfxParamPropDisplayMax"}) g_prop->setInt(p, limit, 0, 1000);
  define(params, "OfxParamTypePushButton", "analyse");
  define(params, "OfxParamTypePushButton", "clear");
  define(params, "OfxParamTypeInteger2D", "pair");
  if (env_is("duplicate parameter")) define(params, "OfxParamTypeInteger", "radius");
  return OK;
}

// --- an instance --------------------------------------------------------------------------------------------------------

int create_instance(Handle instance, Handle inArgs) {
  if (inArgs) trace(get_string(inArgs, "OfxImageEffectPropResolvePage").c_str());
  if (env_is("late description")) g_prop->setString(g_clip_descriptor, "OfxPropLabel", 0, "too late");
  if (env_is("image in create")) {
    Image image;
    fetch(find_clip(instance, "Source"), 1, &image);
  }
  if (env_is("set value in create")) g_param->setValue(find_param(instance, "radius"), 3);
  return OK;
}

// Every way values go through variable arguments, there and back.
int analyse(Handle instance) {
  Handle params = nullptr;
  g_effect->getParamSet(instance, &params);
  g_param->editBegin(params, "analyse");
  g_param->setValue(find_param(instance, "radius"), 7);
  g_param->setValue(find_param(instance, "gain"), 2.5);
  g_param->setValue(find_param(instance, "tint"), 0.1, 0.2, 0.3, 0.4);
  g_param->setValue(find_param(instance, "pair"), -5, 1234567);
  g_param->setValueAtTime(find_param(instance, "slow_s"), 10.0, 0.25);
  int radius = 0, pair[2] = {0, 0};
  double gain = 0, tint[4] = {0, 0, 0, 0};
  g_param->getValue(find_param(instance, "radius"), &radius);
  g_param->getValue(find_param(instance, "gain"), &gain);
  g_param->getValue(find_param(instance, "tint"), &tint[0], &tint[1], &tint[2], &tint[3]);
  g_param->getValue(find_param(instance, "pair"), &pair[0], &pair[1]);
  char text[200];
  std::snprintf(text, sizeof text, "%d %.2f %.1f %.1f %.1f %.1f %d %d", radius, gain, tint[0], tint[1], tint[2], tint[3],
                pair[0], pair[1]);
  g_param->setValue(find_param(instance, "status"), text);
  g_param->editEnd(params);
  Handle props = nullptr;
  find_param(instance, "gain", &props);
  g_prop->setInt(props, "OfxParamPropEnabled", 0, 0);
  find_param(instance, "tick", &props);
  g_prop->setInt(props, "OfxParamPropSecret", 0, 0);
  if (g_message1)
    g_message1->message(instance, "OfxMessageMessage", "analysed", "%s %d %.3f %d %d %c %.1f %ld %s", "analysed", 1, 2.5,
                        3, 4, '!', 6.25, 123456789012L, "end");
  return OK;
}

int instance_changed(Handle instance, Handle inArgs) {
  const std::string name = get_string(inArgs, "OfxPropName"), reason = get_string(inArgs, "OfxPropChangeReason");
  if (g_message2 && g_message2->clearPersistentMessage) g_message2->clearPersistentMessage(instance);
  if (name == "analyse" && reason == "OfxChangeUserEdited") return analyse(instance);
  if (env_is("endless edit") && name == "tick") g_param->setValue(find_param(instance, "tick"), 1);
  if (name == "clear") {
    Handle params = nullptr;
    g_effect->getParamSet(instance, &params);
    if (env_is("unbalanced edit")) g_param->editBegin(params, "clear");
    if (env_is("image in changed")) {
      Image image;
      fetch(find_clip(instance, "Source"), 1, &image);
    }
    if (env_is("copy")) g_param->copy(find_param(instance, "slow_s"), find_param(instance, "gain"), 2.0, nullptr);
    if (env_is("copy wrongly")) g_param->copy(find_param(instance, "gain"), find_param(instance, "radius"), 0.0, nullptr);
    g_param->setValue(find_param(instance, "status"), "");
  }
  return DEFAULT;
}

int clip_preferences(Handle instance, Handle outArgs) {
  if (env_is("unheard preference")) {
    g_prop->setString(outArgs, "OfxImageClipPropComponents_Output", 0, "OfxImageComponentAlpha");
    return OK;
  }
  if (env_is("unshared preference")) {
    g_prop->setString(outArgs, "OfxImageClipPropComponents_Output", 0, "OfxImageComponentRGB");
    return OK;
  }
  if (!int_param(instance, "opaque", 0)) return DEFAULT;
  g_prop->setString(outArgs, "OfxImageEffectPropPreMultiplication", 0, "OfxImageOpaque");
  g_prop->setInt(outArgs, "OfxImageEffectFrameVarying", 0, 1);
  return OK;
}

int frames_needed(Handle instance, Handle inArgs, Handle outArgs) {
  const double time = get_double(inArgs, "OfxPropTime");
  const int radius = int_param(instance, "radius", time);
  const double range[2] = {time - radius, time + radius};
  const double odd[3] = {time - radius, time + radius, time};
  g_prop->setDoubleN(outArgs, "OfxImageClipPropFrameRange_Source", env_is("odd ranges") ? 3 : 2, env_is("odd ranges") ? odd : range);
  g_prop->setDoubleN(outArgs, "OfxImageClipPropFrameRange_Mask", 2, range);
  return OK;
}

int is_identity(Handle instance, Handle inArgs, Handle outArgs) {
  const double time = get_double(inArgs, "OfxPropTime");
  if (!int_param(instance, "hold", time)) return DEFAULT;
  g_prop->setString(outArgs, "OfxPropName", 0, env_is("identity of nothing") ? "Nowhere" : "Source");
  g_prop->setDouble(outArgs, "OfxPropTime", 0, time - 1);
  return OK;
}

// --- rendering ----------------------------------------------------------------------------------------------------------

// The frame every test renders.
void call_from_elsewhere(unsigned, unsigned, void* clip) {
  Image image;
  fetch(clip, 5, &image);
  release(&image);
}

void spawn_again(unsigned, unsigned, void*) {
  g_threads->multiThread(call_from_elsewhere, 2, nullptr);
}

// Done before the frame is rendered; what changes the frame itself is done in write_frame.
int misbehave(const std::string& misdeed, Handle instance, double time) {
  Handle source = find_clip(instance, "Source"), props = nullptr;
  g_effect->getPropertySet(instance, &props);
  Image image;
  if (misdeed == "leak image") fetch(source, time, &image);
  if (misdeed == "double release") {
    fetch(source, time, &image);
    g_effect->clipReleaseImage(image.handle);
    g_effect->clipReleaseImage(image.handle);
  }
  if (misdeed == "write input") {
    fetch(source, time, &image);
    image.set(image.bounds[0], image.bounds[1], 0, 0.123f);
    release(&image);
  }
  if (misdeed == "padding") {
    fetch(source, time, &image);
    image.at(image.bounds[2], image.bounds[1])[1] ^= 0x55;
    release(&image);
  }
  if (misdeed == "set value") g_param->setValue(find_param(instance, "radius"), 3);
  if (misdeed == "foreign thread") std::thread([instance] { g_effect->abort(instance); }).join();
  if (misdeed == "undeclared frame") {
    fetch(source, time + int_param(instance, "radius", time) + 1, &image);
    release(&image);
  }
  if (misdeed == "wrong type") get_double(props, "OfxPropIsInteractive");
  if (misdeed == "bad index") get_int(props, "OfxPropIsInteractive", 3);
  if (misdeed == "read only") g_prop->setInt(props, "OfxPropIsInteractive", 0, 1);
  if (misdeed == "unknown property") g_prop->setInt(props, "OfxPropOfMyOwn", 0, 1);
  if (misdeed == "stale handle" && g_dead_instance) g_effect->getPropertySet(g_dead_instance, &props);
  if (misdeed == "invented handle") g_effect->getPropertySet(reinterpret_cast<Handle>(0x1234), &props);
  if (misdeed == "null pointer") g_prop->getInt(props, "OfxPropIsInteractive", 0, nullptr);
  if (misdeed == "spawned image" && g_threads) g_threads->multiThread(call_from_elsewhere, 2, source);
  if (misdeed == "spawn in spawned") g_threads->multiThread(spawn_again, 1, nullptr);
  if (misdeed == "odd message") g_message1->message(instance, "OfxMessageWhisper", "", "psst");
  if (misdeed == "unlock unheld") {
    Handle mutex = nullptr;
    g_threads->mutexCreate(&mutex, 1);  // held once already
    g_threads->mutexUnLock(mutex);
    g_threads->mutexUnLock(mutex);
    g_threads->mutexDestroy(mutex);
  }
  if (misdeed == "leak memory") {
    void* memory = nullptr;
    g_memory->alloc(nullptr, 100, &memory);
  }
  if (misdeed == "leak mutex") {
    Handle mutex = nullptr;
    g_threads->mutexCreate(&mutex, 0);
  }
  if (misdeed == "write outside memory") {
    Handle memory = nullptr;
    void* bytes = nullptr;
    g_effect->imageMemoryAlloc(instance, 100, &memory);
    g_effect->imageMemoryLock(memory, &bytes);
    static_cast<char*>(bytes)[100] ^= 0x55;
    g_effect->imageMemoryUnlock(memory);
    g_effect->imageMemoryFree(memory);
  }
  if (misdeed == "keep string") {
    g_prop->getString(props, "OfxImageEffectPropContext", 0, &g_kept_string);
    get_string(props, "OfxPropLabel");
    g_message1->message(instance, "OfxMessageLog", "", "kept: %s", g_kept_string);
  }
  if (misdeed == "other time output") fetch(find_clip(instance, "Output"), time + 1, &image);
  if (misdeed == "wrong status") return 4711;
  if (misdeed == "fail") {
    if (g_message2 && g_message2->setPersistentMessage)
      g_message2->setPersistentMessage(instance, "OfxMessageError", "", "frame %g: nothing to see", time);
    else if (g_message1)
      g_message1->message(instance, "OfxMessageError", "", "frame %g: nothing to see", time);
    return FAILED;
  }
  return OK;
}

struct Sums {
  std::vector<float> sum;
  int count = 0;
};

void add(Sums* sums, const Image& image, const int* window, int channels) {
  size_t i = 0;
  for (int y = window[1]; y < window[3]; ++y)
    for (int x = window[0]; x < window[2]; ++x)
      for (int c = 0; c < channels; ++c) sums->sum[i++] += image.get(x, y, c);
  ++sums->count;
}

// --- witness ------------------------------------------------------------------------------------------------------------

class Report {
 public:
  void add(const char* name, const std::string& value) { text_ += std::string(name) + "=" + value + "\n"; }
  void add(const char* name, double value) {
    char text[40];
    std::snprintf(text, sizeof text, "%g", value);
    add(name, std::string(text));
  }
  void add(const char* name, Handle props, const char* property, int count, bool integers) {
    std::string all;
    for (int i = 0; i < count; ++i) {
      char text[40];
      std::snprintf(text, sizeof text, "%s%g", i ? "," : "",
                    integers ? get_int(props, property, i) : get_double(props, property, i));
      all += text;
    }
    add(name, all);
  }
  const char* text() const { return text_.c_str(); }

 private:
  std::string text_;
};

void report_animation(Report* report, Handle instance, double time) {
  Handle gain = find_param(instance, "gain");
  double value = 0;
  unsigned keys = 0;
  int index = -1;
  g_param->getNumKeys(gain, &keys);
  report->add("keys", keys);
  g_param->getDerivative(gain, time, &value);
  report->add("derivative", value);
  g_param->getIntegral(gain, 1.0, 7.0, &value);
  report->add("integral", value);
  if (g_param->getKeyTime(gain, 1, &value) == OK) report->add("second key", value);
  if (g_param->getKeyIndex(gain, time, -1, &index) == OK) report->add("key before", index);
  if (g_param->getKeyIndex(gain, time, 1, &index) == OK) report->add("key after", index);
  if (g_param->getKeyIndex(gain, time, 0, &index) == OK) report->add("key here", index);
}

void report_host(Report* report, Handle instance) {
  int count = 0;
  report->add("api", g_prop->getDimension(g_host->host, "OfxPropAPIVersion", &count) == OK ? "told" : "not told");
  report->add("contexts", g_prop->getDimension(g_host->host, "OfxImageEffectPropSupportedContexts", &count) == OK ? count : -1);
  report->add("message suite 2", g_message2 ? g_message2->clearPersistentMessage ? "whole" : "broken" : "absent");
  unsigned processors = 0;
  g_threads->numCPUs(&processors);
  report->add("processors", processors);
  static std::atomic<int> spawned;
  spawned = 0;
  g_threads->multiThread([](unsigned, unsigned, void*) { ++spawned; }, 3, nullptr);
  report->add("threads", spawned);
  static Handle mutex;
  static std::atomic<int> refused;
  refused = 0;
  g_threads->mutexCreate(&mutex, 1);
  g_threads->multiThread([](unsigned, unsigned, void*) { refused = g_threads->mutexTryLock(mutex) != OK; }, 1, nullptr);
  g_threads->mutexUnLock(mutex);
  g_threads->mutexDestroy(mutex);
  report->add("mutex born locked", refused);
  double first = 0, last = 0, now = 0;
  g_timeline->getTimeBounds(instance, &first, &last);
  g_timeline->getTime(instance, &now);
  report->add("first", first);
  report->add("last", last);
  report->add("now", now);
}

void report_render(Handle instance, Handle inArgs, double time, const Image& source, Handle source_props) {
  Report report;
  Handle props = nullptr;
  g_effect->getPropertySet(instance, &props);
  report.add("scale", source.handle, "OfxImageEffectPropRenderScale", 2, false);
  report.add("region", source.handle, "OfxImagePropRegionOfDefinition", 4, true);
  report.add("bounds", source.handle, "OfxImagePropBounds", 4, true);
  report.add("identifier", get_string(source.handle, "OfxImagePropUniqueIdentifier"));
  report.add("range", source_props, "OfxImageEffectPropFrameRange", 2, false);
  report.add("premultiplication", get_string(source.handle, "OfxImageEffectPropPreMultiplication"));
  report.add("file", get_string(props, "OfxImageEffectPropSrcFilePath"));
  report.add("source frame", get_int(inArgs, "OfxImageEffectPropSrcFrame"));
  report.add("draft", get_int(inArgs, "OfxImageEffectPropRenderQualityDraft"));
  report.add("thumbnail", get_string(inArgs, "OfxImageEffectPropThumbnailRender"));
  report.add("field", get_string(inArgs, "OfxImageEffectPropFieldToRender"));
  report.add("interactive", get_int(props, "OfxPropIsInteractive"));
  report_host(&report, instance);
  report_animation(&report, instance, time);
  g_message1->message(instance, "OfxMessageLog", "", "%s", report.text());
}

void write_frame(const std::string& misdeed, const Image& output, const Image& source, const Image& mask, const Sums& sums,
                 const int* window, double gain) {
  size_t i = 0;
  for (int y = window[1]; y < window[3]; ++y) {
    for (int x = window[0]; x < window[2]; ++x) {
      const float matte = mask.handle ? mask.get(x, y, mask.channels - 1) : 1.f;
      for (int c = 0; c < output.channels; ++c, ++i) {
        const float now = source.get(x, y, c), mean = sums.sum[i] / sums.count;
        if (misdeed == "leave unwritten" && x == window[0] && y == window[1]) continue;
        output.set(x, y, c, static_cast<float>(gain) * (now + (mean - now) * matte));
      }
    }
  }
  if (misdeed == "write outside window") output.set(output.bounds[0], output.bounds[1], 0, 0.5f);
  if (misdeed == "write outside image") output.at(output.bounds[0], output.bounds[1])[output.rowBytes < 0 ? -output.rowBytes : -1] ^= 0x55;
}

std::atomic<int> g_renders{0};
std::atomic<int> g_most_renders{0};

// Until the time is over, the host aborts, or (with "meet") another render runs at the same time.
int wait_for(Handle instance, double seconds, bool meet) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::duration<double>(seconds);
  if (g_progress) g_progress->start(instance, "waiting");
  int aborted = 0;
  do {
    if (g_progress && g_progress->update(instance, 0.5) == 13) trace("cancelled");
    if (meet && g_most_renders > 1) break;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
    aborted = g_effect->abort(instance);
  } while (!aborted && std::chrono::steady_clock::now() < end);
  if (g_progress) g_progress->end(instance);
  return aborted;
}

int render(Handle instance, Handle inArgs) {
  const double time = get_double(inArgs, "OfxPropTime");
  int window[4];
  g_prop->getIntN(inArgs, "OfxImageEffectPropRenderWindow", 4, window);
  const std::string misdeed = kMisdeeds[int_param(instance, "misdeed", time)];
  const int status = misbehave(misdeed, instance, time);
  if (status != OK) return status;
  double slow_s = 0, gain = 0;
  g_param->getValueAtTime(find_param(instance, "slow_s"), time, &slow_s);
  g_param->getValueAtTime(find_param(instance, "gain"), time, &gain);
  if (slow_s > 0 && wait_for(instance, slow_s, int_param(instance, "meet", time))) return DEFAULT;

  Handle mask_props = nullptr, source_props = nullptr;
  Handle source_clip = find_clip(instance, "Source", &source_props), mask_clip = find_clip(instance, "Mask", &mask_props);
  Image output, source, mask;
  if (fetch(find_clip(instance, "Output"), time, &output) != OK) return FAILED;
  if (fetch(source_clip, time, &source) != OK) {
    release(&output);
    return FAILED;
  }
  if (int_param(instance, "report", time)) report_render(instance, inArgs, time, source, source_props);
  if (get_int(mask_props, "OfxImageClipPropConnected")) fetch(mask_clip, time, &mask);
  const int radius = int_param(instance, "radius", time);
  Sums sums;
  sums.sum.assign(static_cast<size_t>(window[2] - window[0]) * (window[3] - window[1]) * output.channels, 0.f);
  for (int t = -radius; t <= radius; ++t) {
    Image other;
    if (fetch(source_clip, time + t, &other) == OK) add(&sums, other, window, output.channels);
    release(&other);
  }
  write_frame(misdeed, output, source, mask, sums, window, gain);
  release(&mask);
  release(&source);
  release(&output);
  return OK;
}

int counted_render(Handle instance, Handle inArgs) {
  const int now = ++g_renders;
  int most = g_most_renders;
  while (now > most && !g_most_renders.compare_exchange_weak(most, now)) {
  }
  const int status = render(instance, inArgs);
  --g_renders;
  return status;
}

int main_entry(const char* action, const void* handle, Handle inArgs, Handle outArgs) {
  const std::string name = action;
  Handle effect = const_cast<void*>(handle);
  trace(action);
  if (name == "OfxActionLoad") return load();
  if (name == "OfxActionUnload") return OK;
  if (name == "OfxActionDescribe") return describe(effect);
  if (name == "OfxImageEffectActionDescribeInContext") return describe_in_context(effect);
  if (name == "OfxActionCreateInstance") return create_instance(effect, inArgs);
  if (name == "OfxActionDestroyInstance") {
    g_dead_instance = effect;
    return OK;
  }
  if (name == "OfxActionInstanceChanged") return instance_changed(effect, inArgs);
  if (name == "OfxImageEffectActionGetClipPreferences") return clip_preferences(effect, outArgs);
  if (name == "OfxImageEffectActionGetFramesNeeded") return frames_needed(effect, inArgs, outArgs);
  if (name == "OfxImageEffectActionIsIdentity") return is_identity(effect, inArgs, outArgs);
  if (name == "OfxImageEffectActionRender") return counted_render(effect, inArgs);
  return env_is("answers everything") ? OK : DEFAULT;
}

void set_host(HostStruct* host) {
  trace("setHost");
  g_host = host;
}

PluginStruct g_second;
PluginStruct g_plugin = {"OfxImageEffectPluginAPI", 1, "org.propainter.probe", 1, 0, set_host, main_entry};

}  // namespace

extern "C" {
__attribute__((visibility("default"))) int OfxGetNumberOfPlugins() { return env_is("two plugins") ? 2 : 1; }
__attribute__((visibility("default"))) PluginStruct* OfxGetPlugin(int nth) {
  g_second = g_plugin;
  g_second.pluginIdentifier = "org.propainter.second";
  g_plugin.pluginIdentifier = env_is("odd identifier") ? "the probe" : "org.propainter.probe";
  g_plugin.apiVersion = env_is("other api") ? 2 : 1;
  return nth ? &g_second : &g_plugin;
}
__attribute__((visibility("default"))) int OfxSetHost(const HostStruct*) {
  trace("OfxSetHost");
  return env_is("skip me") ? FAILED : OK;
}
// For the tests: the most renders that ran at once since last asked.
__attribute__((visibility("default"))) int ProbeMostRenders() { return g_most_renders.exchange(0); }
}
