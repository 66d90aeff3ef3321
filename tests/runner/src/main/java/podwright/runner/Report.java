package podwright.runner;

import groovy.json.JsonOutput;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** What happened: every step in order, flow nodes as Jenkins counts them, and the end. */
final class Report {
  /** Start of a step and of its body, end of the body and of the step. */
  static final int NODES_OF_A_BLOCK = 4;

  private static final int NODES_OF_START_AND_END = 2;

  /** One step. */
  static final class Entry {
    final String step;
    final Map<String, Object> facts = new LinkedHashMap<>();
    int nodes;
    int saved;

    Entry(String step, int nodes) {
      this.step = step;
      this.nodes = nodes;
    }

    void fact(String name, Object value) {
      facts.put(name, value);
    }

    void failed(String sentence) {
      facts.put("error", sentence);
    }
  }

  private final List<Entry> entries = new ArrayList<>();
  private final Map<String, Object> end = new LinkedHashMap<>();

  Entry add(String step, int nodes) {
    Entry entry = new Entry(step, nodes);
    entries.add(entry);
    return entry;
  }

  void end(String name, Object value) {
    end.put(name, value);
  }

  Object get(String name) {
    return end.get(name);
  }

  List<Entry> entries() {
    return entries;
  }

  /** Returns the names of the steps, in the order in which they started. */
  List<String> steps() {
    List<String> names = new ArrayList<>();
    for (Entry entry : entries) {
      names.add(entry.step);
    }
    return names;
  }

  /** Returns the number of flow nodes, FlowStartNode and FlowEndNode included. */
  int nodes() {
    int sum = NODES_OF_START_AND_END;
    for (Entry entry : entries) {
      sum += entry.nodes;
    }
    return sum;
  }

  /** Returns how often a step ran. */
  int count(String step) {
    int count = 0;
    for (Entry entry : entries) {
      count += entry.step.equals(step) ? 1 : 0;
    }
    return count;
  }

  void write(Path file) throws IOException {
    List<Object> steps = new ArrayList<>();
    Map<String, Integer> byStep = new TreeMap<>();
    for (Entry entry : entries) {
      Map<String, Object> one = new LinkedHashMap<>();
      one.put("step", entry.step);
      one.put("nodes", entry.nodes);
      one.put("saved", entry.saved);
      one.putAll(entry.facts);
      steps.add(one);
      byStep.merge(entry.step, entry.nodes, Integer::sum);
    }
    Map<String, Object> nodes = new LinkedHashMap<>();
    nodes.put("total", nodes());
    nodes.put("byStep", byStep);
    Map<String, Object> all = new LinkedHashMap<>(end);
    all.put("sh", count("sh"));
    all.put("nodes", nodes);
    all.put("steps", steps);
    String json = JsonOutput.prettyPrint(JsonOutput.toJson(all)) + "\n";
    Files.write(file, json.getBytes(StandardCharsets.UTF_8));
  }
}
