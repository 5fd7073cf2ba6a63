import { useEffect, useState } from 'react'
import type { Look } from './words.ts'

/**
 * Colours of what the map draws. The page's own colours are CSS variables in styles.css; the looks of orders are set as
 * variables from here, so that legend, chips and map can never differ.
 */
export type Rgb = readonly [number, number, number]
export type Rgba = readonly [number, number, number, number]

export interface Palette {
  name: 'dark' | 'light'
  land: Rgb
  water: Rgb
  shore: Rgba
  park: Rgb
  river: Rgb
  /** by rank: expressway, mile, half-mile, quarter-mile street */
  roads: readonly [Rgb, Rgb, Rgb, Rgb]
  label: Rgba
  label_halo: Rgba
  water_label: Rgba
  /** parks and landmarks */
  place_label: Rgba
  demand: Rgb
  courier: Rgb
  courier_free: Rgb
  courier_edge: Rgb
  /** the signs of an order that went to another warehouse or another courier */
  moved: Rgb
  looks: Record<Look, Rgb>
}

const hex = (text: string): Rgb => {
  const n = Number.parseInt(text.slice(1), 16)
  return [(n >> 16) & 255, (n >> 8) & 255, n & 255]
}

export const DARK: Palette = {
  name: 'dark',
  land: hex('#12181d'),
  water: hex('#0b2a3a'),
  shore: [84, 148, 172, 110],
  park: hex('#173023'),
  river: hex('#175069'),
  roads: [hex('#3a4851'), hex('#27323a'), hex('#1f282f'), hex('#192127')],
  label: [172, 187, 197, 255],
  label_halo: [18, 24, 29, 255],
  water_label: [104, 163, 188, 255],
  place_label: [124, 168, 140, 255],
  demand: hex('#d99a2b'),
  courier: hex('#ffd25e'),
  courier_free: hex('#84949e'),
  courier_edge: hex('#12181d'),
  moved: hex('#ff9d45'),
  looks: {
    waiting: hex('#c3d0d9'),
    picking: hex('#5aa9ff'),
    packed: hex('#b893ff'),
    under_way: hex('#2fd3b5'),
    late: hex('#ff4a2e'),
    delivered: hex('#6fcf7f'),
    refused: hex('#f08a9b'),
    cancelled: hex('#7f8d97'),
  },
}

export const LIGHT: Palette = {
  name: 'light',
  land: hex('#f4f1e8'),
  water: hex('#cbdfe6'),
  shore: [96, 142, 160, 150],
  park: hex('#d2e3c0'),
  river: hex('#9cc7d8'),
  roads: [hex('#cfc4aa'), hex('#e2dac8'), hex('#e9e3d5'), hex('#eee9dd')],
  label: [74, 84, 91, 255],
  label_halo: [244, 241, 232, 255],
  water_label: [54, 101, 122, 255],
  place_label: [64, 94, 50, 255],
  demand: hex('#d08700'),
  courier: hex('#f0a400'),
  courier_free: hex('#9aa3a8'),
  courier_edge: hex('#2a2f33'),
  moved: hex('#c05a00'),
  looks: {
    waiting: hex('#5b6a75'),
    picking: hex('#1f6fd6'),
    packed: hex('#7d3fd0'),
    under_way: hex('#00836b'),
    late: hex('#d92408'),
    delivered: hex('#2e8540'),
    refused: hex('#b3365a'),
    cancelled: hex('#78838b'),
  },
}

const css = ([r, g, b]: Rgb) => `rgb(${r} ${g} ${b})`

function paint(palette: Palette): void {
  const root = document.documentElement
  root.dataset.theme = palette.name
  for (const [look, colour] of Object.entries(palette.looks)) root.style.setProperty(`--look-${look}`, css(colour))
  root.style.setProperty('--courier', css(palette.courier))
  root.style.setProperty('--courier-free', css(palette.courier_free))
  root.style.setProperty('--demand', css(palette.demand))
  root.style.setProperty('--moved', css(palette.moved))
  root.style.setProperty('--land', css(palette.land))
}

const KEPT = 'waggle.theme'
const kept = (): 'dark' | 'light' | null => {
  const value = localStorage.getItem(KEPT)
  return value === 'dark' || value === 'light' ? value : null
}

/** The palette in force, and what changes it: the system's wish until a person has chosen. */
export function usePalette(): [Palette, () => void] {
  const [chosen, setChosen] = useState(kept)
  const [wish, setWish] = useState(() => matchMedia('(prefers-color-scheme: light)').matches)
  useEffect(() => {
    const query = matchMedia('(prefers-color-scheme: light)')
    const follow = () => setWish(query.matches)
    query.addEventListener('change', follow)
    return () => query.removeEventListener('change', follow)
  }, [])
  const name = chosen ?? (wish ? 'light' : 'dark')
  const palette = name === 'light' ? LIGHT : DARK
  useEffect(() => paint(palette), [palette])
  const toggle = () => {
    const next = name === 'light' ? 'dark' : 'light'
    localStorage.setItem(KEPT, next)
    setChosen(next)
  }
  return [palette, toggle]
}
