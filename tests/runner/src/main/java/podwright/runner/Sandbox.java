package podwright.runner;

import com.cloudbees.groovy.cps.sandbox.SandboxInvoker;
import groovy.json.JsonOutput;
import groovy.lang.Closure;
import groovy.lang.GString;
import groovy.lang.GroovyClassLoader;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.codehaus.groovy.runtime.ScriptBytecodeAdapter;
import org.kohsuke.groovy.sandbox.GroovyInterceptor;
import org.kohsuke.groovy.sandbox.impl.Checker;
import podwright.runner.PipelineScript.EnvObject;

/**
 * The Groovy sandbox with a whitelist: what script-security and workflow-cps allow by default, by type
 * and name of the method, as far as libraries need it. Anything else is refused, as an administrator
 * would see it.
 */
@SuppressWarnings("rawtypes") // so are the methods that it overrides
final class Sandbox extends GroovyInterceptor {

  /** A check that may fail with anything a pipeline may throw. */
  interface Guarded<T> {
    T run() throws InterruptedException;
  }

  private static final Map<Class<?>, Set<String>> METHODS = new LinkedHashMap<>();
  private static final Map<Class<?>, Set<String>> STATICS = new LinkedHashMap<>();
  private static final Set<String> CONSTRUCTORS = Set.of(
      "groovy.json.JsonSlurper", "java.util.HashMap", "java.util.HashSet",
      "java.util.LinkedHashSet", "java.util.TreeMap", "java.util.TreeSet", "java.lang.Exception",
      "java.lang.StringBuilder", "java.util.Date", "java.lang.Object",
      "org.codehaus.groovy.runtime.GStringImpl");

  private static final Set<Class<?>> PLAIN = Set.of(Object.class, String.class, Boolean.class,
      Number.class, Integer.class, Long.class, java.math.BigDecimal.class, List.class,
      java.util.ArrayList.class, Map.class, LinkedHashMap.class, Set.class, LinkedHashSet.class,
      java.util.Collection.class, Closure.class, java.util.HashMap.class);

  static {
    allow(Object.class, "equals hashCode toString asBoolean with iterator isCase each collect");
    allow(Comparable.class, "compareTo");
    allow(CharSequence.class, "length charAt subSequence");
    allow(String.class, "contains startsWith endsWith indexOf lastIndexOf substring replace "
        + "replaceAll replaceFirst split matches trim toLowerCase toUpperCase getBytes "
        + "isEmpty concat toCharArray equalsIgnoreCase stripIndent tokenize readLines padLeft "
        + "padRight center capitalize stripMargin eachLine isInteger toInteger isNumber isLong "
        + "toLong tr find normalize startsWithAny getAt take drop reverse count size multiply "
        + "plus minus next previous leftShift bitwiseNegate");
    allow(GString.class, "plus length size getBytes replaceAll trim split "
        + "contains startsWith endsWith substring toLowerCase toUpperCase tokenize matches");
    allow(Map.class, "get getOrDefault put putAll putIfAbsent containsKey keySet "
        + "entrySet values remove size clear isEmpty replace subMap findAll collectEntries collect "
        + "each plus minus leftShift find any every withDefault sort groupBy getAt putAt");
    allow(Map.Entry.class, "getKey getValue");
    allow(Iterable.class, "iterator each collect find findAll any every join inject collectEntries "
        + "eachWithIndex flatten unique sort toSorted toSet sum transpose collate take drop first "
        + "last toList groupBy count max min");
    allow(java.util.Collection.class, "add addAll remove removeAll retainAll contains containsAll "
        + "isEmpty size plus minus intersect leftShift getAt");
    allow(List.class, "get indexOf subList getAt putAt reverse pop push add remove");
    allow(java.util.Iterator.class, "hasNext next");
    allow(Number.class, "intValue longValue doubleValue plus minus multiply div times upto downto "
        + "intdiv abs toInteger mod power negative positive bitwiseNegate next previous and or xor "
        + "leftShift");
    allow(Boolean.class, "booleanValue and or xor");
    allow(Throwable.class, "getMessage getCause");
    allow(Closure.class, "call curry ncurry setDelegate getDelegate setResolveStrategy");
    allow(Class.class, "isInstance"); // what instanceof is compiled to
    allow(Enum.class, "name ordinal");
    allow(java.util.regex.Matcher.class, "matches find group groupCount start end reset getAt "
        + "replaceAll replaceFirst");
    allow(java.util.regex.Pattern.class, "matcher pattern split");
    allow(groovy.json.JsonSlurper.class, "parseText");
    allow(java.util.Date.class, "getTime after before plus minus next previous format");
    allow(StringBuilder.class, "append insert reverse");
    allow(groovy.lang.Binding.class, "hasVariable");
    allow(java.util.Base64.Encoder.class, "encodeToString encode withoutPadding");
    allow(java.util.Base64.Decoder.class, "decode");
    allow(PipelineScript.EnvObject.class, "getEnvironment getProperty setProperty");
    allow(PipelineScript.CurrentBuild.class, "getResult setResult getCurrentResult getNumber "
        + "getDescription setDescription getDisplayName setDisplayName getFullDisplayName "
        + "getProjectName getPreviousBuild resultIsBetterOrEqualTo resultIsWorseOrEqualTo");
    allow(org.jenkinsci.plugins.workflow.steps.FlowInterruptedException.class, "getResult");
    allowStatic(groovy.json.JsonOutput.class, "toJson prettyPrint");
    allowStatic(java.util.UUID.class, "randomUUID");
    allowStatic(String.class, "format join valueOf");
    allowStatic(Integer.class, "parseInt valueOf toString");
    allowStatic(Boolean.class, "parseBoolean valueOf");
    allowStatic(Math.class, "max min abs round floor ceil pow");
    allowStatic(java.util.Base64.class, "getEncoder getDecoder getUrlEncoder getUrlDecoder");
    allowStatic(java.util.regex.Pattern.class, "compile quote matches");
    allowStatic(System.class, "currentTimeMillis");
    allowStatic(java.net.URLEncoder.class, "encode");
    allowStatic(java.net.URLDecoder.class, "decode");
    allowStatic(java.util.Arrays.class, "asList");
    allowStatic(java.util.Collections.class, "emptyList emptyMap unmodifiableList unmodifiableMap");
  }

  private static void allow(Class<?> type, String names) {
    METHODS.put(type, new LinkedHashSet<>(List.of(names.split(" "))));
  }

  private static void allowStatic(Class<?> type, String names) {
    STATICS.put(type, new LinkedHashSet<>(List.of(names.split(" "))));
  }

  /** Returns the CPS invoker that asks this sandbox for every call of untrusted code. */
  com.cloudbees.groovy.cps.sandbox.Invoker invoker() {
    return new SandboxInvoker();
  }

  /** Runs something with the sandbox in force on this Java thread. */
  <T> T guard(Guarded<T> action) throws InterruptedException {
    register();
    try {
      return action.run();
    } finally {
      unregister();
    }
  }

  @Override
  public Object onMethodCall(
      GroovyInterceptor.Invoker next, Object receiver, String method, Object... args)
      throws Throwable {
    boolean step = receiver instanceof Closure && method.equals("sleep");
    if (step || isOwn(receiver) || isAllowed(METHODS, receiver.getClass(), method)) {
      return super.onMethodCall(next, receiver, method, args);
    }
    throw rejected("method " + receiver.getClass().getName() + ' ' + method + types(args));
  }

  @Override
  public Object onStaticCall(
      GroovyInterceptor.Invoker next, Class receiver, String method, Object... args)
      throws Throwable {
    if (receiver == ScriptBytecodeAdapter.class && isOperator(method, args)) {
      return super.onStaticCall(next, receiver, method, args);
    }
    if (receiver == Checker.class && method.equals("checkedCast")) {
      // what a cast of CPS code is compiled to; it asks this sandbox about constructors by itself
      return super.onStaticCall(next, receiver, method, args);
    }
    boolean json = receiver == JsonOutput.class && method.equals("toJson") && !isJson(args);
    boolean listed = isAllowed(STATICS, receiver, method) && !json;
    if (isOwn(receiver) || listed) {
      return super.onStaticCall(next, receiver, method, args);
    }
    throw rejected("staticMethod " + receiver.getName() + ' ' + method + types(args));
  }

  @Override
  public Object onNewInstance(GroovyInterceptor.Invoker next, Class receiver, Object... args)
      throws Throwable {
    if (isOwn(receiver) || CONSTRUCTORS.contains(receiver.getName())) {
      return super.onNewInstance(next, receiver, args);
    }
    throw rejected("new " + receiver.getName() + types(args));
  }

  @Override
  public void onSuperConstructor(GroovyInterceptor.Invoker next, Class receiver, Object... args)
      throws Throwable {
    if (!PipelineScript.class.isAssignableFrom(receiver)) {
      onNewInstance(next, receiver, args);
    }
  }

  @Override
  public Object onGetProperty(GroovyInterceptor.Invoker next, Object receiver, String property)
      throws Throwable {
    String getter = "get" + Character.toUpperCase(property.charAt(0)) + property.substring(1);
    boolean array = receiver.getClass().isArray() && property.equals("length");
    if (isOwn(receiver) || receiver instanceof Map || receiver instanceof EnvObject || array
        || isAllowed(METHODS, receiver.getClass(), getter)) {
      return super.onGetProperty(next, receiver, property);
    }
    throw rejected("field or property " + receiver.getClass().getName() + ' ' + property);
  }

  @Override
  public Object onSetProperty(
      GroovyInterceptor.Invoker next, Object receiver, String property, Object value)
      throws Throwable {
    String setter = "set" + Character.toUpperCase(property.charAt(0)) + property.substring(1);
    if (isOwn(receiver) || receiver instanceof Map || receiver instanceof EnvObject
        || isAllowed(METHODS, receiver.getClass(), setter)) {
      return super.onSetProperty(next, receiver, property, value);
    }
    throw rejected("field or property " + receiver.getClass().getName() + ' ' + property);
  }

  @Override
  public Object onGetAttribute(GroovyInterceptor.Invoker next, Object receiver, String attribute)
      throws Throwable {
    if (isOwn(receiver)) {
      return super.onGetAttribute(next, receiver, attribute);
    }
    throw rejected("field " + receiver.getClass().getName() + ' ' + attribute);
  }

  @Override
  public Object onSetAttribute(
      GroovyInterceptor.Invoker next, Object receiver, String attribute, Object value)
      throws Throwable {
    if (isOwn(receiver)) {
      return super.onSetAttribute(next, receiver, attribute, value);
    }
    throw rejected("field " + receiver.getClass().getName() + ' ' + attribute);
  }

  /** Classes of the Jenkinsfile and of the library itself may be used freely, and so may steps. */
  private static boolean isOwn(Object receiver) {
    Class<?> type = receiver instanceof Class<?> c ? c : receiver.getClass();
    boolean compiled = type.getClassLoader() instanceof GroovyClassLoader;
    boolean step = receiver instanceof PipelineScript.StepsObject || receiver instanceof Symbol
        || receiver instanceof Section;
    return compiled || step;
  }

  private static boolean isAllowed(
      Map<Class<?>, Set<String>> table, Class<?> receiver, String method) {
    for (Map.Entry<Class<?>, Set<String>> row : table.entrySet()) {
      if (row.getKey().isAssignableFrom(receiver) && row.getValue().contains(method)) {
        return true;
      }
    }
    return false;
  }

  /** Operators are compiled to calls of this class; a cast may lead to plain data only. */
  private static boolean isOperator(String method, Object... args) {
    if (!method.equals("asType") && !method.equals("castToType")) {
      return true;
    }
    Class<?> target = (Class<?>) args[1];
    Class<?> item = target.isArray() ? target.getComponentType() : target;
    return item.isPrimitive() || PLAIN.contains(item) || isOwn(item);
  }

  /** JsonOutput.toJson(Object) and toJson(Closure) are on no list: a List resolves to Object. */
  private static boolean isJson(Object... args) {
    Object value = args.length == 1 ? args[0] : null;
    return value instanceof Map || value instanceof String || value instanceof Number
        || value instanceof Boolean || value instanceof java.util.Date
        || value instanceof java.util.UUID;
  }

  private static String types(Object... args) {
    StringBuilder text = new StringBuilder();
    for (Object arg : args) {
      text.append(' ').append(arg == null ? "null"
          : arg instanceof Class<?> type ? "class " + type.getName() : arg.getClass().getName());
    }
    return text.toString();
  }

  private static SecurityException rejected(String signature) {
    return new SecurityException("Scripts not permitted to use " + signature);
  }
}
