// The binary interface the probe needs: struct layouts and suites in their order (OpenFX ABI notes, sections 2 and 3).
// Written apart from the node's own header on purpose: host and node are not to share a mistake.
#pragma once

#include <cstddef>

using Handle = void*;

extern "C" {

struct HostStruct {
  Handle host;
  const void* (*fetchSuite)(Handle host, const char* name, int version);
};

struct PluginStruct {
  const char* pluginApi;
  int apiVersion;
  const char* pluginIdentifier;
  unsigned versionMajor;
  unsigned versionMinor;
  void (*setHost)(HostStruct*);
  int (*mainEntry)(const char* action, const void* handle, Handle inArgs, Handle outArgs);
};

struct PropertySuite {
  int (*setPointer)(Handle, const char*, int, void*);
  int (*setString)(Handle, const char*, int, const char*);
  int (*setDouble)(Handle, const char*, int, double);
  int (*setInt)(Handle, const char*, int, int);
  int (*setPointerN)(Handle, const char*, int, void* const*);
  int (*setStringN)(Handle, const char*, int, const char* const*);
  int (*setDoubleN)(Handle, const char*, int, const double*);
  int (*setIntN)(Handle, const char*, int, const int*);
  int (*getPointer)(Handle, const char*, int, void**);
  int (*getString)(Handle, const char*, int, char**);
  int (*getDouble)(Handle, const char*, int, double*);
  int (*getInt)(Handle, const char*, int, int*);
  int (*getPointerN)(Handle, const char*, int, void**);
  int (*getStringN)(Handle, const char*, int, char**);
  int (*getDoubleN)(Handle, const char*, int, double*);
  int (*getIntN)(Handle, const char*, int, int*);
  int (*reset)(Handle, const char*);
  int (*getDimension)(Handle, const char*, int*);
};

struct ImageEffectSuite {
  int (*getPropertySet)(Handle, Handle*);
  int (*getParamSet)(Handle, Handle*);
  int (*clipDefine)(Handle, const char*, Handle*);
  int (*clipGetHandle)(Handle, const char*, Handle*, Handle*);
  int (*clipGetPropertySet)(Handle, Handle*);
  int (*clipGetImage)(Handle, double, const double*, Handle*);
  int (*clipReleaseImage)(Handle);
  int (*clipGetRegionOfDefinition)(Handle, double, double*);
  int (*abort)(Handle);
  int (*imageMemoryAlloc)(Handle, size_t, Handle*);
  int (*imageMemoryFree)(Handle);
  int (*imageMemoryLock)(Handle, void**);
  int (*imageMemoryUnlock)(Handle);
};

struct ParameterSuite {
  int (*define)(Handle, const char*, const char*, Handle*);
  int (*getHandle)(Handle, const char*, Handle*, Handle*);
  int (*setGetPropertySet)(Handle, Handle*);
  int (*getPropertySet)(Handle, Handle*);
  int (*getValue)(Handle, ...);
  int (*getValueAtTime)(Handle, double, ...);
  int (*getDerivative)(Handle, double, ...);
  int (*getIntegral)(Handle, double, double, ...);
  int (*setValue)(Handle, ...);
  int (*setValueAtTime)(Handle, double, ...);
  int (*getNumKeys)(Handle, unsigned*);
  int (*getKeyTime)(Handle, unsigned, double*);
  int (*getKeyIndex)(Handle, double, int, int*);
  int (*deleteKey)(Handle, double);
  int (*deleteAllKeys)(Handle);
  int (*copy)(Handle, Handle, double, const double*);
  int (*editBegin)(Handle, const char*);
  int (*editEnd)(Handle);
};

struct MemorySuite {
  int (*alloc)(void*, size_t, void**);
  int (*free)(void*);
};

struct MultiThreadSuite {
  int (*multiThread)(void (*)(unsigned, unsigned, void*), unsigned, void*);
  int (*numCPUs)(unsigned*);
  int (*index)(unsigned*);
  int (*isSpawnedThread)();
  int (*mutexCreate)(Handle*, int);
  int (*mutexDestroy)(Handle);
  int (*mutexLock)(Handle);
  int (*mutexUnLock)(Handle);
  int (*mutexTryLock)(Handle);
};

struct MessageSuite {  // version 2; version 1 is its first pointer
  int (*message)(void*, const char*, const char*, const char*, ...);
  int (*setPersistentMessage)(void*, const char*, const char*, const char*, ...);
  int (*clearPersistentMessage)(void*);
};

struct ProgressSuite {
  int (*start)(void*, const char*);
  int (*update)(void*, double);
  int (*end)(void*);
};

struct TimeLineSuite {
  int (*getTime)(void*, double*);
  int (*gotoTime)(void*, double);
  int (*getTimeBounds)(void*, double*, double*);
};

}  // extern "C"

static_assert(sizeof(HostStruct) == 16 && sizeof(PluginStruct) == 48, "notes, section 2");
static_assert(sizeof(PropertySuite) == 144 && sizeof(ImageEffectSuite) == 104, "notes, section 3");
static_assert(sizeof(ParameterSuite) == 144 && sizeof(MultiThreadSuite) == 72, "notes, section 3");
