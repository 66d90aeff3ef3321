package podwright

/** The SHA-256 of the bundles; `make generate` renews it. */
class Bundle implements Serializable {
  static final String SUM = '98621c5f17433d9f7780d5447bdba72d20c16eff4637c6f0917cefead9afb0c3'
  static final String JOBS_SUM = 'e5f69d1eb669df7c1e46b3b2dad294b9434769961654571d07b4ebc325af860e'

  private static final long serialVersionUID = 1L
}
