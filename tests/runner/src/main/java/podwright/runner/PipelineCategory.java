package podwright.runner;

import java.io.Serializable;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Methods that pipelines see instead of those of Java and Groovy, as a Groovy category.
 *
 * <p>Iterators can be saved, so that {@code for (x in list)} may contain steps, as in workflow-cps; they
 * walk over a copy. {@code sleep} is the step.
 */
public final class PipelineCategory {
  private PipelineCategory() {
  }

  public static Object sleep(Object self, long seconds) {
    return Build.current().call("sleep", new Object[] {seconds});
  }

  /** An iterator over a list, with an index instead of a live iterator. */
  private static final class Walk<T> implements Iterator<T>, Serializable {
    private static final long serialVersionUID = 1L;
    private final List<T> items;
    private int index;

    Walk(Collection<T> items) {
      this.items = new ArrayList<>(items);
    }

    @Override
    public boolean hasNext() {
      return index < items.size();
    }

    @Override
    public T next() {
      return items.get(index++);
    }
  }

  public static <T> Iterator<T> iterator(List<T> items) {
    return new Walk<>(items);
  }

  public static <T> Iterator<T> iterator(Set<T> items) {
    return new Walk<>(items);
  }

  /** Walks over the entries of a map; entries are copied as well, because they cannot be saved. */
  public static <K, V> Iterator<Map.Entry<K, V>> iterator(Map<K, V> map) {
    List<Map.Entry<K, V>> entries = new ArrayList<>();
    for (Map.Entry<K, V> entry : map.entrySet()) {
      entries.add(new java.util.AbstractMap.SimpleEntry<>(entry));
    }
    return new Walk<>(entries);
  }

  /** Returns the entries of a map as a collection that can be saved. */
  public static <K, V> Set<Map.Entry<K, V>> entrySet(Map<K, V> map) {
    Set<Map.Entry<K, V>> entries = new LinkedHashSet<>();
    for (Map.Entry<K, V> entry : new LinkedHashMap<>(map).entrySet()) {
      entries.add(new java.util.AbstractMap.SimpleEntry<>(entry));
    }
    return entries;
  }
}
